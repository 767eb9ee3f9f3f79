/** The prepared statements of one connection: which the server knows, what they return, and which goes when there are too many. */
import type { Shape } from './answer.js';

export interface Prepared {
  readonly name: string;
  readonly text: string;
  /** ParseComplete came. What happened after it does not matter: the statement is there. */
  known: boolean;
  /** Its Parse is in the flight under way. */
  parsing: boolean;
  /** Columns; null: returns none; undefined: not known, or not fixed by the text, so it is described each time. */
  shape: Shape | null | undefined;
  readonly fixed: boolean;
  used: number;
}

/** The columns of these do not change while the statement is prepared; FETCH or EXECUTE would. */
const fixedColumns = /^[\s(]*(?:select|insert|update|delete|with|values|merge|table|copy)\b/i;

export class PreparedStatements {
  readonly #byName = new Map<string, Prepared>();
  readonly #most: number;
  /** Names to be closed by the next flight. */
  #closing: string[] = [];
  #tick = 0;

  constructor(most: number) {
    this.#most = most;
  }

  get size(): number {
    return this.#byName.size;
  }

  /** Starts a flight: what it uses is not evicted by it. */
  tick(): void {
    this.#tick++;
  }

  /**
   * The statement under this name; a new one if there is none, or another text had the name. Undefined if this very flight has given the
   * name to another text.
   */
  use(name: string, text: string): Prepared | undefined {
    const found = this.#byName.get(name);
    if (found !== undefined && found.text === text) {
      found.used = this.#tick;
      return found;
    }
    if (found?.used === this.#tick) return undefined;
    if (found !== undefined) this.#closing.push(name);
    else if (this.#byName.size >= this.#most) this.#evict();
    const made: Prepared = { name, text, known: false, parsing: false, shape: undefined, fixed: fixedColumns.test(text), used: this.#tick };
    this.#byName.set(name, made);
    return made;
  }

  #evict(): void {
    let oldest: Prepared | undefined;
    for (const prepared of this.#byName.values()) {
      if (prepared.used !== this.#tick && (oldest === undefined || prepared.used < oldest.used)) oldest = prepared;
    }
    if (oldest !== undefined) this.forget(oldest);
  }

  /** Closes a statement with the next flight. */
  forget(prepared: Prepared): void {
    if (this.#byName.get(prepared.name) === prepared) this.#byName.delete(prepared.name);
    this.#closing.push(prepared.name);
  }

  /** Removes a statement whose Parse did not come through: there is nothing to close. */
  drop(prepared: Prepared): void {
    if (this.#byName.get(prepared.name) === prepared) this.#byName.delete(prepared.name);
  }

  /** The server lost all of them (DEALLOCATE ALL, another server behind a pooler). */
  clear(): void {
    for (const prepared of this.#byName.values()) this.forget(prepared);
  }

  get closing(): readonly string[] {
    return this.#closing;
  }

  closed(): void {
    if (this.#closing.length > 0) this.#closing = [];
  }
}
