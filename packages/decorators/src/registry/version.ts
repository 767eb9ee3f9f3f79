import { createHash } from 'node:crypto';
import type { RegisteredFunction } from '../registered.js';
import { textOf } from '../source/parse.js';

/**
 * Identifies the code of an app: names, kinds and source of its functions, in whatever order they were registered. Executors
 * of one version recover each other's work.
 */
export function versionOf(functions: Iterable<RegisteredFunction>): string {
  const hash = createHash('sha256');
  const sorted = [...functions].sort((a, b) => (a.name < b.name ? -1 : 1));
  for (const { name, kind, metadata } of sorted) hash.update(`${name}\0${kind}\0${textOf(metadata.body)}\0`);
  return hash.digest('hex').slice(0, 16);
}
