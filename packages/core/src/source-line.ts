/** Which line of the user's code made a call. */
import { isAbsolute, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

const depth = 60;

/** The stack of the code at hand, deep enough to hold the frame of the workflow behind helpers and awaits. */
export function captureStack(): string {
  const before = Error.stackTraceLimit;
  Error.stackTraceLimit = depth;
  try {
    return new Error().stack ?? '';
  } finally {
    Error.stackTraceLimit = before;
  }
}

/**
 * `src/orders.ts:31:22`: the line of the method's body, else of the first code that is neither Node's nor Apiary's.
 * @param method the stored name, `Orders.place`
 */
export function lineOf(stack: string, method: string): string {
  const frames = stack
    .split('\n')
    .slice(1)
    .map((line) => line.trim());
  const frame = frames.find((line) => isBodyOf(line, method)) ?? frames.find(isUsers);
  const place = frame === undefined ? undefined : (/\(([^()]+:\d+:\d+)\)$/.exec(frame)?.[1] ?? /^at (?:async )?(\S+:\d+:\d+)$/.exec(frame)?.[1]);
  return place === undefined ? method : readable(place);
}

/** By the name of the method: a stack names the class that it was written in, which need not be the registered one. */
function isBodyOf(line: string, method: string): boolean {
  const name = escape(method.slice(method.lastIndexOf('.') + 1));
  return isUsers(line) && new RegExp(`^at (?:async )?(?:[\\w$]+\\.)?${name}(?: \\[as [^\\]]+\\])? \\(`).test(line);
}

function escape(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`);
}

const packages = new URL('../../', import.meta.url);

function isUsers(line: string): boolean {
  return !/\bnode:|node_modules|<anonymous>/.test(line) && !isEngines(line);
}

/** In this repository the packages lie side by side; installed, they lie in node_modules. */
function isEngines(line: string): boolean {
  return ['core', 'decorators', 'testing'].some((name) => ['dist', 'src'].some((folder) => line.includes(`${fileURLToPath(packages)}${name}/${folder}/`)));
}

function readable(place: string): string {
  const path = place.startsWith('file:') ? fileURLToPath(place.replace(/:\d+:\d+$/, '')) + (/:\d+:\d+$/.exec(place)?.[0] ?? '') : place;
  const near = relative(process.cwd(), path);
  return near.startsWith('..') || isAbsolute(near) ? path : near;
}
