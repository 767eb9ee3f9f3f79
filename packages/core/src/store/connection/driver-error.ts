/**
 * The mark on errors that came from the driver or the server through our connection layer. The classifier believes only marked errors:
 * an error that user code made up with the same code or text stays the user's (RELIABILITY 3A 10).
 */
import type { ErrorKind } from './error-kind.js';

const mark = Symbol.for('apiary.driver');

export interface DriverMark {
  /** Backend of the connection, 0 where there was none. */
  readonly pid: number;
  /** Set where the place of the error says more than its code. */
  readonly kind?: ErrorKind | undefined;
}

/** Marks an error as coming from the driver. The first mark stays. */
export function markDriverError<E>(error: E, pid: number, kind?: ErrorKind): E {
  if (typeof error === 'object' && error !== null && !(mark in error) && Object.isExtensible(error)) {
    Object.defineProperty(error, mark, { value: { pid, kind } satisfies DriverMark });
  }
  return error;
}

export function driverMark(error: unknown): DriverMark | undefined {
  return typeof error === 'object' && error !== null ? (error as { [mark]?: DriverMark })[mark] : undefined;
}

/** Adds the statement that failed. Not enumerable, so that a recorded error stays what the driver made it. */
export function nameStatement(error: object, statement: string, index: number): void {
  if (!Object.isExtensible(error) || 'statement' in error) return;
  Object.defineProperty(error, 'statement', { value: statement, configurable: true });
  Object.defineProperty(error, 'statementIndex', { value: index, configurable: true });
}

/** Text of the statement that failed, if the error is one of a flight. */
export function failedStatement(error: unknown): string | undefined {
  const text = driverMark(error) === undefined ? undefined : (error as { statement?: unknown }).statement;
  return typeof text === 'string' ? text : undefined;
}

/** The connection is gone; whether the last flight took effect is not known. */
export class ConnectionLostError extends Error {
  override readonly name = 'ConnectionLostError';
  readonly code: string | undefined;
  /** Of the backend that may still be at work. */
  readonly pid: number;

  constructor(pid: number, cause: unknown) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    super(`the connection to PostgreSQL (backend ${pid}) was lost: ${reason}`, { cause });
    this.pid = pid;
    const code = (cause as { code?: unknown } | null)?.code;
    this.code = typeof code === 'string' ? code : undefined;
    markDriverError(this, pid, 'connection');
  }
}

/** An error that the server sent, whichever copy of the driver parsed it. */
export function isServerError(error: unknown): error is Error & { code: string; severity: string; routine?: string } {
  const e = error as { code?: unknown; severity?: unknown } | null;
  return typeof e === 'object' && e !== null && typeof e.severity === 'string' && typeof e.code === 'string' && e.code.length === 5;
}
