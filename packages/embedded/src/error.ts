export type EmbeddedErrorCode = 'DATABASE_VERSION' | 'EMBEDDED_START';

export interface EmbeddedErrorDetails {
  /** The data folder of the project. */
  dataDirectory?: string;
  /** With DATABASE_VERSION: the major version whose data lie in the folder. */
  found?: string;
  /** With DATABASE_VERSION: the major version of the embedded server. */
  needed?: string;
  /** The end of the server's log, where there is one. */
  log?: string;
}

/** The embedded server could not be started; `message` says what to do about it. */
export class EmbeddedError extends Error {
  override readonly name = 'EmbeddedError';

  constructor(
    readonly code: EmbeddedErrorCode,
    message: string,
    readonly details: EmbeddedErrorDetails = {},
    options?: ErrorOptions,
  ) {
    super(details.log ? `${message}\nThe end of its log:\n${details.log}` : message, options);
  }
}

/** What an error travels as between the supervisor and its clients. */
export interface StoredError {
  code: EmbeddedErrorCode;
  message: string;
  details: EmbeddedErrorDetails;
}

export function storeError(error: unknown): StoredError {
  if (error instanceof EmbeddedError) return { code: error.code, message: error.message, details: error.details };
  return {
    code: 'EMBEDDED_START',
    message: `the embedded PostgreSQL could not be started: ${error instanceof Error ? error.message : String(error)}`,
    details: {},
  };
}

export function restoreError(stored: StoredError): EmbeddedError {
  const { log, ...details } = stored.details;
  const error = new EmbeddedError(stored.code, stored.message, details);
  if (log !== undefined) error.details.log = log; // its text is in the message already
  return error;
}

/** The code of a system error ('ENOENT'), or undefined. */
export function systemCode(error: unknown): string | undefined {
  const code = (error as { code?: unknown } | null)?.code;
  return typeof code === 'string' ? code : undefined;
}
