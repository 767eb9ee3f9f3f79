import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { JsonLines } from '../json-lines.js';
import type { PointResult } from './enumerate.js';
import type { NumberedFlight } from './flight-numbers.js';
import { nameOf, type CrashMode } from './point.js';

interface Line {
  readonly shape: string;
  readonly mode: CrashMode;
  /** Of what the crash-free run writes, in whatever order: another trace has other points. */
  readonly trace: string;
  /** Of the code that ran: what another build did says nothing of this one. */
  readonly build: string;
  readonly result: PointResult;
}

/** The points that were run, in a file: an enumeration of hours can be stopped and goes on. Points at which something was wrong are run again. */
export class PointMemory {
  readonly #file: JsonLines<Line>;
  readonly #build = buildOf(['@apiary/core', '@apiary/decorators', '@apiary/testing/internal']);

  constructor(file: string, fresh: boolean) {
    this.#file = new JsonLines(file, { fresh });
  }

  known(shape: string, mode: CrashMode, trace: readonly NumberedFlight[]): ReadonlyMap<string, PointResult> {
    const hash = hashOf(trace);
    const fine = this.#file.earlier.filter(
      (line) =>
        line.shape === shape &&
        line.mode === mode &&
        line.trace === hash &&
        line.build === this.#build &&
        line.result.asMeant &&
        line.result.differences.length === 0,
    );
    return new Map(fine.map(({ result }) => [nameOf(result.point), result]));
  }

  add(shape: string, mode: CrashMode, trace: readonly NumberedFlight[], result: PointResult): void {
    this.#file.add({ shape, mode, trace: hashOf(trace), build: this.#build, result });
  }
}

/** The same for runs that write the same, in whatever order. */
export function hashOf(trace: readonly NumberedFlight[]): string {
  return createHash('sha256')
    .update(JSON.stringify(trace.map(({ connection, statements }) => [connection, ...statements].join('\n')).sort()))
    .digest('hex')
    .slice(0, 16);
}

/** A hash of built packages, without the list of planted bugs, which runs in none of them. */
export function buildOf(packages: readonly string[]): string {
  const hash = createHash('sha256');
  for (const name of packages) {
    const folder = dirname(fileURLToPath(import.meta.resolve(name)));
    for (const file of readdirSync(folder, { recursive: true, encoding: 'utf8' }).sort())
      if (file.endsWith('.js') && !file.startsWith('planted')) hash.update(file).update(readFileSync(join(folder, file)));
  }
  return hash.digest('hex').slice(0, 16);
}
