/**
 * Errors as stored: `{"$apiary":1,"name":...,"message":...,"stack":...,"code":...}`, so that SQL can query them, and in `d` what JSON
 * cannot say. Thrown values that are no errors: `{"$apiary":1,"message":<their String form>,"thrown":...}`.
 */
import { isError, restoreError, setHead, stringForm, type ErrorDetail, type ErrorDocument } from './error-document.js';
import { Marked } from './marked.js';
import { Preparation } from './prepare.js';
import { checkVersion, flatten, formatVersion, isTagged, restore, tag, unreadable } from './rich.js';

const unreadableError = JSON.stringify({ [tag]: formatVersion, name: 'Error', message: 'an error that cannot be read' });

/** Never throws, whatever it is given. */
export function encodeError(error: unknown, limit: number): string {
  // The least detail is under every limit: a character takes at most 6 bytes in JSON, and there are three texts.
  const details: readonly ErrorDetail[] = [
    { text: Number.POSITIVE_INFINITY, all: true },
    { text: Math.min(4096, Math.floor(limit / 24)), all: true },
    { text: Math.min(4096, Math.floor(limit / 24)), all: false },
  ];
  for (const detail of details) {
    try {
      const text = isError(error) ? errorText(error, detail) : thrownText(error, detail);
      if (Buffer.byteLength(text) <= limit) return text;
    } catch {
      // With less detail it may work.
    }
  }
  return unreadableError;
}

export function decodeError(text: string, onUnknownClass: (name: string) => void): unknown {
  try {
    const document = parse(text);
    checkVersion(document);
    if (Object.hasOwn(document, 'thrown')) return restore(document, 'thrown', onUnknownClass);
    if (!Object.hasOwn(document, 'd')) return restoreError(document, (make) => make());
    const error = restore(document, 'd', onUnknownClass);
    if (isError(error)) setHead(error, document);
    return error;
  } catch (error) {
    return error;
  }
}

function parse(text: string): Readonly<Record<string, unknown>> {
  try {
    const document: unknown = JSON.parse(text);
    if (isTagged(document)) return document;
  } catch (error) {
    throw unreadable(error);
  }
  throw unreadable(undefined);
}

function errorText(error: Error, detail: ErrorDetail): string {
  const prepared = new Preparation('error', { detail }).prepare(error);
  const head: Record<string, unknown> = { [tag]: formatVersion };
  if (prepared instanceof Marked && prepared.tag === 'Error') {
    const more = moveHead(prepared.payload, head);
    if (!more) return JSON.stringify(head);
  } else {
    Object.assign(head, { name: stringForm(error.name), message: stringForm(error.message) });
  }
  return `${JSON.stringify(head).slice(0, -1)},"d":${flatten(prepared)}}`;
}

/** Moves what is to be queried out of the document; tells whether there is more than that. */
function moveHead(document: ErrorDocument, head: Record<string, unknown>): boolean {
  for (const key of ['name', 'message', 'stack'] as const) {
    if (document[key] !== undefined) head[key] = document[key];
    if (key !== 'name') delete document[key];
  }
  const code = document.code;
  if (typeof code === 'string' || (typeof code === 'number' && Number.isInteger(code))) {
    head['code'] = code;
    delete document.code;
  }
  if (document.class !== undefined) head['class'] = document.class;
  return Object.keys(document).some((key) => key !== 'name');
}

function thrownText(value: unknown, detail: ErrorDetail): string {
  const head = JSON.stringify({ [tag]: formatVersion, message: stringForm(value).slice(0, detail.text) }).slice(0, -1);
  return `${head},"thrown":${flatten(thrownCopy(value, detail))}}`;
}

function thrownCopy(value: unknown, detail: ErrorDetail): unknown {
  const attempt = detail.all ? new Preparation('error', { detail }).attempt('thrown', value, Number.POSITIVE_INFINITY) : undefined;
  return attempt === undefined ? stringForm(value).slice(0, detail.text) : attempt.copy;
}
