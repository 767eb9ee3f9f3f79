/** The tagged form: `{"$apiary":<version>,...}`. */
import { apiaryError } from '@apiary/decorators/internal';
import { stringify, unflatten } from 'devalue';
import { registeredClasses } from './classes.js';
import { isError, restoreError, setStack, type ErrorDocument } from './error-document.js';
import { reducers } from './marked.js';

export const tag = '$apiary';
export const formatVersion = 1;

/** devalue's form of a prepared value. */
export function flatten(prepared: unknown): string {
  return stringify(prepared, reducers);
}

/** Whether a parsed text is the codec's own: values of users with such a key are never stored as their own JSON. */
export function isTagged(parsed: unknown): parsed is Readonly<Record<string, unknown>> {
  return typeof parsed === 'object' && parsed !== null && Object.hasOwn(parsed, tag);
}

/**
 * Undoes `flatten`.
 * @throws DATABASE_VERSION if a newer release wrote it, or if it is damaged
 */
export function restore(document: Readonly<Record<string, unknown>>, key: 'd' | 'thrown', onUnknownClass: (name: string) => void): unknown {
  checkVersion(document);
  try {
    return unflatten(document[key] as number | unknown[], revivers(onUnknownClass));
  } catch (error) {
    throw unreadable(error);
  }
}

export function checkVersion(document: Readonly<Record<string, unknown>>): void {
  const version = document[tag];
  if (version !== formatVersion) {
    throw apiaryError('DATABASE_VERSION', {
      found: `a value in codec format ${JSON.stringify(version)?.slice(0, 20)}`,
      needed: `format ${formatVersion}: it was written by a newer release`,
    });
  }
}

/** For a stored text that is damaged. */
export function unreadable(cause: unknown): Error {
  return apiaryError('DATABASE_VERSION', { found: 'a stored value that is damaged', needed: 'text written by the codec' }, { cause });
}

interface ClassDocument {
  readonly class: string;
  readonly fields?: object;
  readonly data?: unknown;
  readonly stack?: string;
}

/**
 * A reviver may be called twice for one payload, first with a part of it, where a value contains itself. The second call finds the
 * object that the first one made, and completes it.
 */
function revivers(onUnknownClass: (name: string) => void): Record<string, (payload: unknown) => unknown> {
  const made = new Map<object, object>();
  const once = <T extends object>(payload: object, make: () => T): T => {
    const found = made.get(payload) as T | undefined;
    if (found !== undefined) return found;
    const object = make();
    made.set(payload, object);
    return object;
  };
  return {
    Buffer: (payload) => Buffer.from((payload as [string])[0], 'base64'),
    Error: (payload) => restoreError(payload as ErrorDocument, (make) => once(payload as ErrorDocument, make)),
    Class: (payload) => restoreInstance(payload as ClassDocument, once, onUnknownClass),
  };
}

function restoreInstance(
  document: ClassDocument,
  once: <T extends object>(payload: object, make: () => T) => T,
  onUnknownClass: (name: string) => void,
): unknown {
  const registered = registeredClasses().byName.get(document.class);
  if (registered === undefined) onUnknownClass(String(document.class));
  if (Object.hasOwn(document, 'data')) {
    const instance = registered?.decode === undefined ? document.data : registered.decode(document.data);
    if (isError(instance) && document.stack !== undefined) setStack(instance, document.stack);
    return instance;
  }
  const fields = document.fields ?? {};
  const instance = once(document, () => (registered === undefined ? {} : (Object.create(registered.type.prototype as object) as object)));
  // Defined, not assigned: a setter of the class must not run.
  for (const key of Object.keys(fields)) {
    Object.defineProperty(instance, key, { value: (fields as Record<string, unknown>)[key], enumerable: true, writable: true, configurable: true });
  }
  return instance;
}
