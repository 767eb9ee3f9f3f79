import { raise } from '@apiary/decorators/internal';
import { decodeError, encodeError } from './errors.js';
import { plainCopy } from './plain.js';
import { Preparation } from './prepare.js';
import { flatten, formatVersion, isTagged, restore, tag, unreadable } from './rich.js';
import { recreatedClasses } from './classes.js';

export interface CodecOptions {
  /** Longest encoded value, in bytes; above it PAYLOAD_TOO_LARGE. */
  readonly payload: number;
  /** Values above it are logged. */
  readonly payloadWarning: number;
  warn(message: string, fields?: Record<string, unknown>): void;
}

/** A text, and the value it stands for where that is at hand without decoding; else undefined. */
interface Encoded {
  readonly text: string;
  readonly copy: unknown;
}

/** Values and errors to the text that is stored, and back. Stateless, but for what it has warned of. */
export class Codec {
  readonly #options: CodecOptions;
  /** Texts up to this many characters are under both limits, whatever they hold: a character has at most 3 bytes. */
  readonly #harmless: number;
  readonly #warned = new Set<unknown>();

  constructor(options: CodecOptions) {
    this.#options = options;
    this.#harmless = Math.floor(Math.min(options.payload, options.payloadWarning) / 3);
  }

  /**
   * The text of a value; null for undefined.
   * @param path what the value is, for errors: `result`
   * @throws NOT_RECORDABLE, PAYLOAD_TOO_LARGE
   */
  encode(value: unknown, path: string): string | null {
    return value === undefined ? null : this.#encoded(value, path).text;
  }

  /** What a replay will give, with its text: the value through the codec and back. Throws like `encode`. */
  copy<T>(value: T, path: string): { readonly text: string | null; readonly value: T } {
    if (value === undefined) return { text: null, value };
    const { text, copy } = this.#encoded(value, path);
    return { text, value: (copy === undefined ? this.decode(text) : copy) as T };
  }

  /**
   * The value of a text.
   * @throws DATABASE_VERSION if a newer release wrote it, or if it is damaged
   */
  decode(text: string | null): unknown {
    if (text === null) return undefined;
    let parsed: unknown;
    try {
      parsed = JSON.parse(text);
    } catch (error) {
      throw unreadable(error);
    }
    return isTagged(parsed) ? restore(parsed, 'd', this.#unknownClass) : parsed;
  }

  /** The text of whatever was thrown. Never throws; what is too large is cut. */
  encodeError(error: unknown): string {
    return encodeError(error, this.#options.payload);
  }

  /** What was thrown. For a text that cannot be read, the error that says so. */
  decodeError(text: string): unknown {
    return decodeError(text, this.#unknownClass);
  }

  #encoded(value: unknown, path: string): Encoded {
    const encoded = this.#plain(value) ?? this.#rich(value, path);
    if (encoded.text.length > this.#harmless) this.#measure(encoded.text, path);
    return encoded;
  }

  #plain(value: unknown): Encoded | undefined {
    switch (typeof value) {
      case 'string':
        return { text: JSON.stringify(value), copy: value };
      case 'boolean':
        return { text: value ? 'true' : 'false', copy: value };
      case 'number':
        return Number.isFinite(value) && !Object.is(value, -0) ? { text: String(value), copy: value } : undefined;
      case 'object': {
        if (value === null) return { text: 'null', copy: value };
        const copy = tryPlainCopy(value);
        return copy === undefined ? undefined : { text: JSON.stringify(copy), copy };
      }
      default:
        return undefined;
    }
  }

  #rich(value: unknown, path: string): Encoded {
    const preparation = new Preparation(path, { unregistered: this.#unregistered });
    const prepared = preparation.prepare(value);
    if (!preparation.rich && !isTagged(prepared)) return { text: JSON.stringify(prepared), copy: prepared };
    try {
      return { text: `{"${tag}":${formatVersion},"d":${flatten(prepared)}}`, copy: undefined };
    } catch (cause) {
      return raise('NOT_RECORDABLE', { path, found: 'nested too deeply' }, { cause });
    }
  }

  #measure(text: string, path: string): void {
    const bytes = Buffer.byteLength(text);
    if (bytes > this.#options.payload) raise('PAYLOAD_TOO_LARGE', { bytes, limit: this.#options.payload });
    if (bytes > this.#options.payloadWarning) this.#options.warn('a recorded value is large', { path, bytes });
  }

  readonly #unregistered = (type: Function): void => {
    if (this.#warned.has(type) || recreatedClasses.has(type)) return;
    this.#warned.add(type);
    this.#options.warn(
      `instances of ${type.name || 'an unnamed class'} come back from records as plain objects: mark the class @Serializable to get them back`,
      { class: type.name },
    );
  };

  readonly #unknownClass = (name: string): void => {
    if (this.#warned.has(name)) return;
    this.#warned.add(name);
    this.#options.warn(
      `a record holds an instance of ${JSON.stringify(name.slice(0, 100))}, which is no @Serializable class of this process: it comes back as plain data`,
      { class: name },
    );
  };
}

/** Undefined also for what throws when it is read: the other way finds out where. Data that looks tagged is not stored as it is. */
function tryPlainCopy<T extends object>(value: T): T | undefined {
  try {
    const copy = plainCopy(value);
    return copy === undefined || isTagged(copy) ? undefined : copy;
  } catch {
    return undefined;
  }
}
