/**
 * Messages of PostgreSQL's protocol 3 as they stand on the wire: a type letter, a length, a body. The first messages of a client have no
 * letter; they get a word.
 */
export type StartType = 'startup' | 'ssl' | 'gss' | 'cancel';

export interface Message {
  /** One letter, or a `StartType`. */
  readonly type: string;
  /** The whole message, letter and length included. */
  readonly bytes: Buffer;
}

const startTypes = new Map<number, StartType>([
  [80877103, 'ssl'],
  [80877104, 'gss'],
  [80877102, 'cancel'],
]);

/** Cuts a stream of bytes into messages; keeps what is not complete. */
export class Framer {
  #rest: Buffer = Buffer.alloc(0);
  #untyped: boolean;

  /** @param from who sends the stream: a client's begins with messages that have no type letter */
  constructor(from: 'client' | 'server') {
    this.#untyped = from === 'client';
  }

  push(chunk: Buffer): Message[] {
    const data = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    const messages: Message[] = [];
    let at = 0;
    for (;;) {
      const letter = this.#untyped ? 0 : 1;
      if (data.length - at < letter + 4) break;
      const length = data.readInt32BE(at + letter) + letter;
      if (length < letter + 4) throw new Error(`no message of PostgreSQL: length ${length}`);
      if (data.length - at < length) break;
      const bytes = data.subarray(at, at + length);
      messages.push({ type: letter === 1 ? String.fromCharCode(bytes[0] ?? 0) : this.#start(bytes), bytes });
      at += length;
    }
    this.#rest = data.subarray(at);
    return messages;
  }

  #start(bytes: Buffer): StartType {
    const type = bytes.length >= 8 ? (startTypes.get(bytes.readInt32BE(4)) ?? 'startup') : 'startup';
    // after a refused SSL request the client sends its startup message on the same connection
    if (type === 'startup' || type === 'cancel') this.#untyped = false;
    return type;
  }
}

/** A typed message of these parts; a string becomes a C string. */
export function message(type: string, ...parts: readonly (Buffer | string)[]): Buffer {
  const body = Buffer.concat(parts.map((part) => (typeof part === 'string' ? cString(part) : part)));
  const head = Buffer.alloc(5);
  head.write(type, 0, 'latin1');
  head.writeInt32BE(body.length + 4, 1);
  return Buffer.concat([head, body]);
}

export function cString(text: string): Buffer {
  return Buffer.from(`${text}\0`, 'utf8');
}

export function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value | 0);
  return bytes;
}

/** Reads the fields of a message's body one after the other. */
export class BodyReader {
  readonly #bytes: Buffer;
  #at: number;

  constructor(of: Message) {
    this.#bytes = of.bytes;
    this.#at = of.type.length === 1 ? 5 : 8;
  }

  get done(): boolean {
    return this.#at >= this.#bytes.length;
  }

  text(): string {
    const end = this.#bytes.indexOf(0, this.#at);
    const found = this.#bytes.toString('utf8', this.#at, end < 0 ? undefined : end);
    this.#at = end < 0 ? this.#bytes.length : end + 1;
    return found;
  }

  letter(): string {
    return String.fromCharCode(this.#bytes[this.#at++] ?? 0);
  }

  int32(): number {
    this.#at += 4;
    return this.#bytes.readInt32BE(this.#at - 4);
  }

  rest(): Buffer {
    return this.#bytes.subarray(this.#at);
  }
}

/** The parameters of a startup message: user, database, application_name, ... */
export function startupParameters(startup: Message): Map<string, string> {
  const reader = new BodyReader(startup);
  const parameters = new Map<string, string>();
  while (!reader.done) {
    const name = reader.text();
    if (name === '') break;
    parameters.set(name, reader.text());
  }
  return parameters;
}

/** The fields of an ErrorResponse: C is the SQLSTATE, M the message. */
export function errorFields(error: Message): Map<string, string> {
  const reader = new BodyReader(error);
  const fields = new Map<string, string>();
  while (!reader.done) {
    const field = reader.letter();
    if (field === '\0') break;
    fields.set(field, reader.text());
  }
  return fields;
}
