/** Log lines: winston underneath, or the user's own logger. Secrets never get into them, errors of a logger never out of them. */
import winston from 'winston';
import { redactFields, redactText } from './redact.js';

export interface Logger {
  debug(message: string, fields?: Record<string, unknown>): void;
  info(message: string, fields?: Record<string, unknown>): void;
  warn(message: string, fields?: Record<string, unknown>): void;
  error(message: string, fields?: Record<string, unknown>): void;
}

export interface LogOptions {
  /** Default 'info'. */
  level?: 'debug' | 'info' | 'warn' | 'error' | 'silent' | undefined;
  /** Default: pretty on a terminal, else JSON. */
  format?: 'json' | 'pretty' | undefined;
}

type Level = keyof Logger;
type Fields = Readonly<Record<string, unknown>>;
type Write = (level: Level, message: string, fields: Fields) => unknown;

export function isLogger(value: unknown): value is Logger {
  if (typeof value !== 'object' || value === null) return false;
  return (['debug', 'info', 'warn', 'error'] as const).every((level) => typeof (value as Partial<Logger>)[level] === 'function');
}

/**
 * @param log options, or a logger of the user's
 * @param fields carried by every line
 */
export function createLogger(log: LogOptions | Logger, fields: Fields = {}): Logger {
  if (isLogger(log)) return new SafeLogger((level, message, all) => log[level](message, { ...all }), fields);
  if (log.level === 'silent') return new SafeLogger(undefined, fields);
  const sink = winstonLogger(log.level ?? 'info', log.format ?? (process.stdout.isTTY ? 'pretty' : 'json'));
  return new SafeLogger(
    (level, message, all) => sink.log(level, message, { fields: all }),
    fields,
    (level) => sink.isLevelEnabled(level),
  );
}

/** The same logger with more fields on every line. */
export function withFields(logger: Logger, fields: Fields): Logger {
  return logger instanceof SafeLogger ? logger.with(fields) : new SafeLogger((level, message, all) => logger[level](message, { ...all }), fields);
}

class SafeLogger implements Logger {
  readonly #write: Write | undefined;
  readonly #fields: Fields;
  readonly #isEnabled: (level: Level) => boolean;

  constructor(write: Write | undefined, fields: Fields, isEnabled: (level: Level) => boolean = () => true) {
    this.#write = write;
    this.#fields = fields;
    this.#isEnabled = isEnabled;
  }

  debug(message: string, fields?: Fields): void {
    this.#line('debug', message, fields);
  }
  info(message: string, fields?: Fields): void {
    this.#line('info', message, fields);
  }
  warn(message: string, fields?: Fields): void {
    this.#line('warn', message, fields);
  }
  error(message: string, fields?: Fields): void {
    this.#line('error', message, fields);
  }

  with(fields: Fields): SafeLogger {
    return new SafeLogger(this.#write, { ...this.#fields, ...fields }, this.#isEnabled);
  }

  #line(level: Level, message: string, fields: Fields | undefined): void {
    if (this.#write === undefined || !this.#isEnabled(level)) return;
    try {
      const answer = this.#write(level, redactText(String(message)), redactFields({ ...this.#fields, ...fields }));
      // A logger that is asynchronous may fail later.
      if (answer instanceof Promise) answer.catch(() => {});
    } catch {
      // Logging is no reason to fail.
    }
  }
}

function winstonLogger(level: Level, format: 'json' | 'pretty'): winston.Logger {
  const { combine, timestamp, printf } = winston.format;
  const line = format === 'json' ? jsonLine : prettyLine;
  const logger = winston.createLogger({
    levels: { error: 0, warn: 1, info: 2, debug: 3 },
    level,
    format: combine(
      timestamp(),
      printf((info) => line(info as unknown as Line)),
    ),
    transports: [new winston.transports.Console()],
    exitOnError: false,
  });
  logger.on('error', () => {});
  return logger;
}

interface Line {
  readonly timestamp: string;
  readonly level: Level;
  readonly message: string;
  readonly fields: Fields;
}

function jsonLine({ timestamp, level, message, fields }: Line): string {
  const line = { time: timestamp, level, message };
  // Twice: first for the order, then because a field of such a name must not pass itself off as the line's own.
  return JSON.stringify(Object.assign({ ...line }, fields, line));
}

const colours: Readonly<Record<Level, number>> = { debug: 90, info: 36, warn: 33, error: 31 };

function prettyLine({ timestamp, level, message, fields }: Line): string {
  const shown = Object.entries(fields)
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) => {
      const stack = typeof value === 'object' && value !== null ? (value as { stack?: unknown }).stack : undefined;
      return typeof stack === 'string' ? `\n${stack}` : ` ${key}=${typeof value === 'string' ? value : JSON.stringify(value)}`;
    });
  return `${timestamp.slice(11, 23)} \u001b[${colours[level]}m${level.padEnd(5)}\u001b[39m ${message}${shown.join('')}`;
}
