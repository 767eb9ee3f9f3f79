import { Unbuildable } from './build.js';

const deepest = 100;

/** A copy of plain objects and lists; everything else by reference. @throws Unbuildable for what contains itself or is nested too deeply */
export function plainClone<T>(value: T, path: string, around: ReadonlySet<unknown> = new Set()): T {
  if (typeof value !== 'object' || value === null) return value;
  const isList = Array.isArray(value);
  if (!isList && Object.getPrototypeOf(value) !== Object.prototype && around.size > 0) return value;
  if (around.has(value)) throw new Unbuildable(path, 'isAcyclic', `${path} contains itself`);
  if (around.size >= deepest) throw new Unbuildable(path, 'maxDepth', `${path} is nested too deeply`);
  const inner = new Set(around).add(value);
  if (isList) return value.map((item: unknown, index) => plainClone(item, `${path}.${index}`, inner)) as T;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, plainClone(item as unknown, `${path}.${key}`, inner)])) as T;
}
