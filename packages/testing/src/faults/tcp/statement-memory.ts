import { BodyReader, type Message } from '../wire/message.js';

/** Remembers what a client's names stand for, so that the Execute of a portal tells which statement it runs. */
export class StatementMemory {
  readonly #statements = new Map<string, string>();
  readonly #portals = new Map<string, string>();

  /** Takes a client's next message; the text of the statement that it executes, if it executes one. */
  note(message: Message): string | undefined {
    const reader = new BodyReader(message);
    switch (message.type) {
      case 'Q':
        return reader.text();
      case 'P':
        this.#statements.set(reader.text(), reader.text());
        return undefined;
      case 'B': {
        const portal = reader.text();
        this.#portals.set(portal, this.#statements.get(reader.text()) ?? '');
        return undefined;
      }
      case 'E':
        return this.#portals.get(reader.text()) ?? '';
      case 'C':
        (reader.letter() === 'S' ? this.#statements : this.#portals).delete(reader.text());
        return undefined;
      default:
        return undefined;
    }
  }
}
