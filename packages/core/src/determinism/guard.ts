/**
 * Stands before the functions that a workflow's body must not use outside its steps, from the launch of the first app that wants it to the
 * shutdown of the last. Each looks at the context of its caller: code outside of bodies is served as ever. Code that took such a function
 * before the launch keeps the function itself.
 */
import { syncBuiltinESMExports } from 'node:module';
import type { ResolvedConfig } from '../config.js';
import { countGuards } from './engine-scope.js';
import { guardDate } from './guarded-date.js';
import { sources, type Source } from './sources.js';
import { checkBody } from './violation.js';

let restore: (() => void) | undefined;

/** @returns ends it for this app; more calls do nothing */
export function guardBodies(determinism: ResolvedConfig['determinism']): () => void {
  if (determinism === 'off') return () => {};
  if (countGuards(1) === 1) restore = install();
  let isOver = false;
  return () => {
    if (isOver) return;
    isOver = true;
    if (countGuards(-1) === 0) restore?.();
  };
}

function install(): () => void {
  const restores = [...sources().map(replace), guardDate()];
  syncBuiltinESMExports();
  return () => {
    for (const undo of restores.reverse()) undo();
    syncBuiltinESMExports();
  };
}

type Any = (this: unknown, ...args: unknown[]) => unknown;

function replace(source: Source): () => void {
  const holder = source.holder as Record<string, unknown>;
  const { key } = source;
  const own = Object.getOwnPropertyDescriptor(holder, key);
  // Of another runtime, or frozen by the user.
  if (own?.configurable === false || !Object.isExtensible(holder)) return () => {};
  const original = holder[key] as Any;
  const guarded: Any = function (this: unknown, ...args) {
    checkBody(source);
    return Reflect.apply(original, this, args);
  };
  // Its name, its length, and how it is promisified.
  Object.defineProperties(guarded, Object.getOwnPropertyDescriptors(original));
  Object.defineProperty(holder, key, { configurable: true, enumerable: own?.enumerable ?? false, writable: true, value: guarded });
  return () => {
    // Somebody put another one before ours, which then goes on to the original: in no body any more, it does nothing.
    if (holder[key] !== guarded) return;
    if (own === undefined) delete holder[key];
    else Object.defineProperty(holder, key, own);
  };
}
