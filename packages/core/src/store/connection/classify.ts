/** The one classifier of errors: what may be retried, what is the outcome of a step, what ends a run (DESIGN L2). */
import { driverMark } from './driver-error.js';
import type { ErrorKind } from './error-kind.js';

export type { ErrorKind };

export interface ClassifyOptions {
  /** The statement was the engine's own. */
  readonly engine?: boolean | undefined;
}

/** SQLSTATEs of the engine's own `raise`. */
export const fencedState = 'APF01';
export const voidState = 'APV01';

export function classify(error: unknown, options?: ClassifyOptions): ErrorKind {
  const mark = driverMark(error);
  if (mark === undefined) return 'user';
  if (mark.kind !== undefined) return mark.kind;
  const { code, message } = error as { code?: unknown; message?: unknown };
  if (typeof code === 'string') return byCode(code, error as ServerFields, options?.engine === true);
  return typeof message === 'string' ? byMessage(message) : 'user';
}

/** Whether an error says nothing about the work itself, so that the work is to be tried again and nothing recorded. */
export function isInfrastructure(error: unknown, options?: ClassifyOptions): boolean {
  switch (classify(error, options)) {
    case 'connection':
    case 'serialization':
    case 'unavailable':
    case 'plan':
      return true;
    case 'timeout':
      return options?.engine === true;
    default:
      return false;
  }
}

interface ServerFields {
  readonly severity?: unknown;
  readonly routine?: unknown;
}

const states: ReadonlyMap<string, ErrorKind> = new Map<string, ErrorKind>([
  ['23505', 'unique'],
  ['40000', 'serialization'],
  ['40001', 'serialization'],
  ['40003', 'unavailable'],
  ['40P01', 'serialization'],
  ['55P03', 'timeout'],
  ['57014', 'timeout'],
  // The server ends the session with these.
  ['25P03', 'connection'],
  ['25P04', 'connection'],
  ['57P01', 'connection'],
  ['57P02', 'connection'],
  ['57P04', 'connection'],
  ['57P05', 'connection'],
  ['57P03', 'unavailable'],
  ['58000', 'unavailable'],
  ['58030', 'unavailable'],
  [fencedState, 'fenced'],
  [voidState, 'void'],
  // Sockets.
  ['ECONNRESET', 'connection'],
  ['ECONNABORTED', 'connection'],
  ['EPIPE', 'connection'],
  ['ETIMEDOUT', 'connection'],
  ['ERR_STREAM_DESTROYED', 'connection'],
  ['ERR_STREAM_WRITE_AFTER_END', 'connection'],
  ['ECONNREFUSED', 'unavailable'],
  ['ENOTFOUND', 'unavailable'],
  ['EAI_AGAIN', 'unavailable'],
  ['EHOSTUNREACH', 'unavailable'],
  ['EHOSTDOWN', 'unavailable'],
  ['ENETUNREACH', 'unavailable'],
  ['ENETDOWN', 'unavailable'],
  ['EADDRNOTAVAIL', 'unavailable'],
  ['EMFILE', 'unavailable'],
  ['ENFILE', 'unavailable'],
]);

function byCode(code: string, error: ServerFields, engine: boolean): ErrorKind {
  const known = states.get(code);
  if (known !== undefined) return known;
  const fatal = error.severity === 'FATAL' || error.severity === 'PANIC';
  // A protocol violation that leaves the session alive is a bad statement, for instance the wrong number of values.
  if (code === '08P01') return fatal ? 'connection' : 'user';
  // A 08xxx of a living session tells of a connection that the server made, for instance to a foreign server.
  if (code.startsWith('08')) return fatal || error.severity === undefined ? 'connection' : 'unavailable';
  if (code.startsWith('53')) return 'unavailable';
  // The text is translated, the routine is not.
  if (code === '0A000') return error.routine === 'RevalidateCachedQuery' ? 'plan' : 'user';
  // After a failover: a write that reached a server which only reads.
  if (code === '25006') return engine ? 'unavailable' : 'user';
  return fatal ? 'connection' : 'user';
}

/** What pg, tarn and Knex throw without any code. Knex puts the statement and ` - ` before the text. */
const lost = [
  /(?:^| - )Connection terminated\b/,
  /(?:^| - )Connection ended unexpectedly$/,
  /(?:^| - )Client has encountered a connection error and is not queryable$/,
  /(?:^| - )Client was closed and is not queryable$/,
  /(?:^| - )Query read timeout$/,
  /(?:^| - )Received unexpected \w+ message from backend\.$/,
  /(?:^| - )received invalid response: /,
  /(?:^| - )This socket has been ended by the other party$/,
  /(?:^| - )write after end$/,
];
const noConnection = [
  /(?:^| - )timeout exceeded when trying to connect$/,
  /(?:^| - )timeout expired$/,
  /Timeout acquiring a connection/,
  /(?:^| - )operation timed out for an unknown reason$/,
  /(?:^| - )Unable to acquire a connection$/,
  /(?:^| - )Cannot use a pool after calling end on the pool$/,
  /(?:^| - )aborted$/,
  /(?:^| - )The server does not support SSL connections$/,
  /(?:^| - )There was an error establishing an SSL connection$/,
];

function byMessage(message: string): ErrorKind {
  if (lost.some((pattern) => pattern.test(message))) return 'connection';
  if (noConnection.some((pattern) => pattern.test(message))) return 'unavailable';
  return 'user';
}
