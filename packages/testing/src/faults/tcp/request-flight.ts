import type { Message } from '../wire/message.js';
import { StatementMemory } from './statement-memory.js';

/** What a client sends before it waits: a Query, or messages up to a Sync or Flush; each other message is one by itself. */
export interface RequestFlight {
  readonly messages: readonly Message[];
  /** Texts of the statements that it executes, in order; prepared ones too. */
  readonly statements: readonly string[];
  /** Position in `messages` of the message that executes the statement of the same index. */
  readonly positions: readonly number[];
  /** The server answers it with ReadyForQuery. */
  readonly answered: boolean;
}

const continued = new Set(['P', 'B', 'D', 'E', 'C']);
/** Rows of a COPY, its end or its failure: behind an Execute they belong to the flight, behind a Query they are sent by themselves. */
const copying = new Set(['d', 'c', 'f']);

/** Gathers a client's messages into flights. Holding them back until the flight is complete shows to nobody: the server's answer waits for the Sync. */
export class FlightAssembler {
  readonly #memory = new StatementMemory();
  #messages: Message[] = [];
  #statements: string[] = [];
  #positions: number[] = [];

  push(message: Message): RequestFlight | undefined {
    const text = this.#memory.note(message);
    if (text !== undefined) {
      this.#statements.push(text);
      this.#positions.push(this.#messages.length);
    }
    this.#messages.push(message);
    if (continued.has(message.type) || (copying.has(message.type) && this.#messages.length > 1)) return undefined;
    const flight: RequestFlight = {
      messages: this.#messages,
      statements: this.#statements,
      positions: this.#positions,
      answered: message.type === 'Q' || message.type === 'S' || message.type === 'F' || message.type === 'startup',
    };
    this.#messages = [];
    this.#statements = [];
    this.#positions = [];
    return flight;
  }
}
