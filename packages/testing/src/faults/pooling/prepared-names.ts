import { BodyReader, cString, message, type Message } from '../wire/message.js';

/** A prepared statement that the proxy knows: under one name of the proxy's own on every server connection. */
export interface TrackedStatement {
  readonly name: string;
  /** Text and parameter types, as they follow the name in a Parse message. */
  readonly definition: Buffer;
}

/** All statements that clients of a pool prepared: equal ones share a name, so a server connection prepares each once. */
export class TrackedStatements {
  readonly #byDefinition = new Map<string, TrackedStatement>();

  of(definition: Buffer): TrackedStatement {
    const key = definition.toString('latin1');
    let found = this.#byDefinition.get(key);
    if (found === undefined) {
      // the slice is part of a buffer that the socket may reuse
      found = { name: `pooled_${this.#byDefinition.size + 1}`, definition: Buffer.from(definition) };
      this.#byDefinition.set(key, found);
    }
    return found;
  }
}

export function parseMessage(statement: TrackedStatement): Buffer {
  return message('P', statement.name, statement.definition);
}

/** Name and definition of a Parse message. */
export function readParse(parse: Message): { readonly name: string; readonly definition: Buffer } {
  const reader = new BodyReader(parse);
  return { name: reader.text(), definition: reader.rest() };
}

/** The statement's name in a Bind, or in a Describe or Close of a statement; undefined if it names none. */
export function statementNameOf(request: Message): string | undefined {
  const reader = new BodyReader(request);
  if (request.type === 'B') reader.text();
  else if (reader.letter() !== 'S') return undefined;
  return reader.text();
}

/** The same Bind, Describe or Close of another statement. */
export function withStatementName(request: Message, name: string): Buffer {
  const reader = new BodyReader(request);
  const before = request.type === 'B' ? cString(reader.text()) : Buffer.from(reader.letter());
  reader.text();
  return message(request.type, before, name, reader.rest());
}
