/** Errors as plain data. Whatever is thrown at it, describing an error never throws. */
import { types } from 'node:util';
import { apiaryError, isApiaryError, NonRetryableError, RetryAfterError } from '@apiary/decorators/internal';
import { registeredClasses } from './classes.js';

/** An error inside a value. Members that are absent were undefined. */
export interface ErrorDocument {
  name?: string;
  message?: string;
  stack?: string;
  code?: unknown;
  /** Name of a `@Serializable` class. */
  class?: string;
  /** A built-in class that the name does not tell. */
  type?: string;
  /** Code of an error of the catalogue. */
  catalogue?: string;
  details?: unknown;
  workflowId?: unknown;
  stepId?: unknown;
  cause?: unknown;
  errors?: unknown;
  /** Other own fields. */
  fields?: Record<string, unknown>;
}

/** How much of an error is kept: everything that can be, or less, so that it stays under the payload limit. */
export interface ErrorDetail {
  /** Longest message and stack, in characters. */
  readonly text: number;
  /** Whether details, cause, errors and own fields are kept. */
  readonly all: boolean;
}

/** What describes members of errors: the walk over the value at hand. */
export interface ErrorWalk {
  readonly detail: ErrorDetail | undefined;
  attempt(key: string, value: unknown, budget: number): { readonly copy: unknown } | undefined;
}

const byName: Readonly<Record<string, ErrorConstructor>> = { EvalError, RangeError, ReferenceError, SyntaxError, TypeError, URIError };
const ours: Readonly<Record<string, new (...args: never[]) => Error>> = { NonRetryableError, RetryAfterError };
const described = new Set(['name', 'message', 'stack', 'code', 'cause', 'errors']);
const describedOfCatalogue = new Set([...described, 'details', 'httpStatus', 'workflowId', 'stepId']);
/** Objects in one field of an error: some carry half a process, like a request with its sockets. */
const fieldBudget = 5000;

/** An error of this realm or of another one. */
export function isError(value: unknown): value is Error {
  try {
    return types.isNativeError(value) || value instanceof Error;
  } catch {
    return false;
  }
}

/** Fills a document; the walk knows it already, so that an error may contain itself. */
export function describeError(error: object, registered: string | undefined, walk: ErrorWalk, document: ErrorDocument): void {
  const longest = walk.detail?.text ?? Number.POSITIVE_INFINITY;
  const all = walk.detail?.all ?? true;
  document.name = cut(nameOf(error, registered !== undefined), longest);
  document.message = cut(text(read(error, 'message')) ?? '', longest);
  const stack = cut(text(read(error, 'stack')), longest);
  if (stack !== undefined) document.stack = stack;
  if (registered !== undefined) document.class = registered;
  else classify(error, document);
  // What the class depends on comes first: an error that contains itself is made when only this much of it is known.
  if (isApiaryError(error)) document.catalogue = error.code;
  if (document.type !== 'DOMException') member(document, walk, 'code', codeOf(error, longest));
  if (isApiaryError(error)) {
    for (const key of ['workflowId', 'stepId'] as const) member(document, walk, key, error[key]);
    if (all) member(document, walk, 'details', error.details);
  }
  if (!all) return;
  member(document, walk, 'cause', read(error, 'cause'));
  if (document.type === 'AggregateError') member(document, walk, 'errors', read(error, 'errors'));
  fields(error, document, walk);
}

function codeOf(error: object, longest: number): unknown {
  const code = read(error, 'code');
  if (typeof code === 'string') return cut(code, longest);
  return longest === Number.POSITIVE_INFINITY || typeof code !== 'object' ? code : undefined;
}

function classify(error: object, document: ErrorDocument): void {
  for (const name of Object.keys(ours)) if (error instanceof (ours[name] as never)) document.type = name;
  if (error instanceof AggregateError) document.type = 'AggregateError';
  if (error instanceof DOMException) document.type = 'DOMException';
}

/** The name, or that of the class if it gave its errors none. */
function nameOf(error: object, registered: boolean): string {
  const name = text(read(error, 'name')) ?? 'Error';
  if (registered) return name;
  const type = read(error, 'constructor');
  const isBuiltIn = name === 'Error' || Object.hasOwn(byName, name);
  if (!isBuiltIn || typeof type !== 'function' || ownName(error)) return name;
  const className = text(read(type, 'name')) ?? '';
  return className === '' || className === 'NodeError' ? name : className;
}

function ownName(error: object): boolean {
  try {
    return Object.hasOwn(error, 'name');
  } catch {
    return true;
  }
}

function fields(error: object, document: ErrorDocument, walk: ErrorWalk): void {
  const known = document.catalogue === undefined ? described : describedOfCatalogue;
  const kept: Record<string, unknown> = {};
  for (const key of ownKeys(error)) if (!known.has(key) && key !== '__proto__') member(kept, walk, key, read(error, key));
  if (Object.keys(kept).length > 0) document.fields = kept;
}

/** One member, by its String form if the codec cannot take it. */
function member(target: object, walk: ErrorWalk, key: string, value: unknown): void {
  if (value === undefined) return;
  (target as Record<string, unknown>)[key] = (walk.attempt(key, value, fieldBudget) ?? { copy: stringForm(value) }).copy;
}

export function stringForm(value: unknown): string {
  try {
    return String(value).slice(0, 1000);
  } catch {
    return '[unreadable]';
  }
}

function read(object: object, key: string): unknown {
  try {
    return (object as Record<string, unknown>)[key];
  } catch {
    return '[unreadable]';
  }
}

function ownKeys(object: object): string[] {
  try {
    return Object.keys(object);
  } catch {
    return [];
  }
}

function text(value: unknown): string | undefined {
  return value === undefined ? undefined : typeof value === 'string' ? value : stringForm(value);
}

function cut<T extends string | undefined>(value: T, longest: number): T {
  return (value === undefined || value.length <= longest ? value : `${value.slice(0, longest)}...`) as T;
}

/**
 * The error again. May be called twice with one document, the first time with a part of it: where an error contains itself.
 * @param once gives the object of an earlier call for the same document, else what the given function makes
 */
export function restoreError(document: ErrorDocument, once: (make: () => Error) => Error): Error {
  const error = once(() => make(document));
  setHead(error, document);
  if (document.name !== undefined && document.name !== error.name) hidden(error, 'name', document.name);
  if (document.cause !== undefined) hidden(error, 'cause', document.cause);
  if (document.errors !== undefined) hidden(error, 'errors', document.errors);
  if (document.catalogue !== undefined) {
    for (const key of ['workflowId', 'stepId'] as const) if (document[key] !== undefined) shown(error, key, document[key]);
    if (document.details !== undefined) shown(error, 'details', document.details);
  }
  const own = document.fields ?? {};
  for (const key of Object.keys(own)) shown(error, key, own[key]);
  return error;
}

/** Message, stack and code, as far as the document has them. */
export function setHead(error: Error, document: Pick<ErrorDocument, 'message' | 'stack' | 'code'>): void {
  if (document.message !== undefined) hidden(error, 'message', document.message);
  if (document.stack !== undefined) setStack(error, document.stack);
  if (document.code !== undefined) shown(error, 'code', document.code);
}

/** An error of the right class with nothing in it. Its stack is the stored one, so none is taken. */
function make(document: ErrorDocument): Error {
  const limit = Error.stackTraceLimit;
  Error.stackTraceLimit = 0;
  try {
    if (document.catalogue !== undefined) return apiaryError(document.catalogue as never, {} as never, { message: document.message ?? '' });
    if (document.type === 'AggregateError') return new AggregateError([]);
    if (document.type === 'DOMException') return new DOMException(document.message, document.name);
    const error = new (own(byName, document.name) ?? Error)();
    const type = own(ours, document.type) ?? (document.class === undefined ? undefined : registeredClasses().byName.get(document.class)?.type);
    return type === undefined ? error : (Object.setPrototypeOf(error, type.prototype as object) as Error);
  } finally {
    Error.stackTraceLimit = limit;
  }
}

function own<T>(table: Readonly<Record<string, T>>, key: string | undefined): T | undefined {
  return key !== undefined && Object.hasOwn(table, key) ? table[key] : undefined;
}

export function setStack(error: Error, stack: string): void {
  hidden(error, 'stack', stack);
}

function hidden(error: Error, key: string, value: unknown): void {
  Object.defineProperty(error, key, { value, enumerable: false, writable: true, configurable: true });
}

function shown(error: Error, key: string, value: unknown): void {
  Object.defineProperty(error, key, { value, enumerable: true, writable: true, configurable: true });
}
