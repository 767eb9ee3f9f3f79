/**
 * Concurrent calls of @Procedures in one transaction. A call whose statements are known as a whole needs no transaction of its own: while
 * some are under way, others gather, and those that gathered fly together, one BEGIN and one COMMIT for all. They take effect one after
 * the other in that transaction, each with its own record, as if they had committed one after the other. When the shared flight fails,
 * whatever the reason, nothing of it has happened and each call flies alone: an error concerns only the call that made it.
 * (Group commit, DeWitt et al. 1984, here for the whole transaction and not only for its log record.)
 */
import { monotonic } from '../clock.js';
import { withoutComments } from '../sql/without-comments.js';
import { classify } from '../store/connection/classify.js';
import type { Connection } from '../store/connection/connection.js';
import type { Result, Statement } from '../store/connection/statement.js';
import { UserTransaction } from '../store/connection/transaction.js';
import { carrierOf, type Load } from './buffer.js';
import { Caution } from './caution.js';
import { loaded, resolveFailure, type Final } from './commit.js';
import type { Executor } from './executor.js';
import type { Run } from './run.js';

/** Two, so that the server works on one while this process makes the other. */
const mostFlights = 2;
const mostMembers = 32;
/** A member that waits for a lock keeps all the others waiting, and two flights of one process could wait for each other. */
const lockTimeout: Statement = { name: 'apiary_shared_lock_timeout', text: `select set_config('lock_timeout', '50ms', true)` };
/** A call that takes longer keeps the others waiting for their answers. */
const slowMs = 50;

/** The call was not made: it is to be made in a transaction of its own. */
const alone = Symbol('alone');
type Answer = readonly Result[] | undefined;

interface Member {
  readonly run: Run;
  readonly final: Final;
  readonly name: string;
  readonly tell: (answer: Answer | typeof alone) => void;
  readonly fail: (error: unknown) => void;
}

/** A member on its way. */
interface Passenger extends Member {
  readonly load: Load;
  readonly statements: readonly Statement[];
}

/** Calls of one isolation level. */
interface Gate {
  readonly begin: Statement;
  waiting: Member[];
  flights: number;
  /** Calls in flights. */
  members: number;
  scheduled: boolean;
}

export class SharedFlights {
  readonly #executor: Executor;
  readonly #gates = new Map<string, Gate>();
  /** Functions, and whether they are fit for company. */
  readonly #cautions = new Map<string, Caution>();
  readonly #plain = new Map<string, boolean>();
  /** For tests and gauges. */
  readonly counters = { flights: 0, members: 0, broken: 0 };

  constructor(executor: Executor) {
    this.#executor = executor;
  }

  /**
   * Flies with others, or by itself if nothing is under way.
   * @param byItself makes the call in a transaction of its own
   * @returns the answers to the statements of the call, undefined if they were lost though it committed
   * @throws as `commitFinal` does
   */
  async fly(run: Run, name: string, begin: Statement, final: Final, byItself: () => Promise<Answer>): Promise<Answer> {
    if (!this.#mayShare(name, final)) return byItself();
    let gate = this.#gates.get(begin.text);
    if (gate === undefined) this.#gates.set(begin.text, (gate = { begin, waiting: [], flights: 0, members: 0, scheduled: false }));
    if (gate.flights === 0 && gate.waiting.length === 0) {
      gate.flights++;
      gate.members++;
      try {
        return await byItself();
      } finally {
        this.#landed(gate, 1);
      }
    }
    const { waiting } = gate;
    const answer = new Promise<Answer | typeof alone>((tell, fail) => waiting.push({ run, final, name, tell, fail }));
    this.#schedule(gate);
    const answered = await answer;
    return answered === alone ? byItself() : answered;
  }

  #landed(gate: Gate, members: number): void {
    gate.flights--;
    gate.members -= members;
    if (gate.waiting.length > 0) this.#schedule(gate);
  }

  #mayShare(name: string, { procedure }: Final): boolean {
    if (procedure === undefined || this.#executor.store.connections.perTransactionFence) return false;
    return !this.#caution(name).isUp && this.#isPlain(procedure.last.text) && procedure.before.every((s) => this.#isPlain(s.text));
  }

  #caution(name: string): Caution {
    let caution = this.#cautions.get(name);
    if (caution === undefined) this.#cautions.set(name, (caution = new Caution(slowMs)));
    return caution;
  }

  /** How long the flight of a call took that was made in a transaction of its own. */
  took(name: string, ms: number): void {
    this.#caution(name).tail(ms);
  }

  /** What would show to the others of the transaction, or outlast the statement in it, is not for company. */
  #isPlain(text: string): boolean {
    let plain = this.#plain.get(text);
    if (plain === undefined) {
      if (this.#plain.size >= 1000) this.#plain.clear();
      this.#plain.set(text, (plain = plainStart.test(withoutComments(text)) && !lasting.test(text)));
    }
    return plain;
  }

  #schedule(gate: Gate): void {
    if (gate.scheduled || gate.flights >= mostFlights) return;
    gate.scheduled = true;
    setImmediate(() => {
      gate.scheduled = false;
      while (gate.flights < mostFlights && gate.waiting.length > 0) void this.#take(gate);
    });
  }

  async #take(gate: Gate): Promise<void> {
    gate.flights++;
    const { connections } = this.#executor.store;
    let members: Member[] = [];
    try {
      const connection = connections.userAtHand() ?? (await connections.acquireUser());
      try {
        // An even share of all calls that are under way or wait, so that the flights take turns.
        const share = Math.min(mostMembers, Math.ceil((gate.waiting.length + gate.members) / mostFlights));
        members = gate.waiting.splice(0, share);
        gate.members += members.length;
        await this.#send(gate, connection, members);
      } finally {
        connection.release();
      }
    } catch {
      // Each makes its call itself, and learns why there is no connection.
      for (const { tell } of gate.waiting.splice(0)) tell(alone);
    } finally {
      this.#landed(gate, members.length);
    }
  }

  /** Never throws. */
  async #send(gate: Gate, connection: Connection, members: readonly Member[]): Promise<void> {
    const passengers = this.#board(members);
    if (passengers.length === 0) return;
    const transaction = new UserTransaction(connection, {
      begin: passengers.length === 1 ? [gate.begin] : [gate.begin, lockTimeout],
      label: passengers.map((p) => p.name).join(', '),
    });
    transaction.seal();
    this.counters.flights++;
    this.counters.members += passengers.length;
    const since = monotonic();
    let results: readonly Result[];
    try {
      results = await transaction.commit(passengers.flatMap((p) => p.statements));
    } catch (error) {
      return this.#broken(transaction, passengers, error);
    }
    const ms = monotonic() - since;
    let at = 0;
    for (const { load, statements, tell } of passengers) {
      load.settle(true);
      tell(results.slice(at, (at += statements.length)));
    }
    for (const name of new Set(passengers.map((p) => p.name))) {
      this.#caution(name).committed();
      this.#caution(name).tail(ms);
    }
  }

  #board(members: readonly Member[]): Passenger[] {
    const passengers: Passenger[] = [];
    for (const member of members) {
      const { run, final } = member;
      // The rows of a void run are nobody's, and rows that the journal carries have to arrive first.
      if (run.isVoid || carrierOf(run, 'journal') !== undefined) member.tell(alone);
      else passengers.push({ ...member, ...loaded(run, final) });
    }
    return passengers;
  }

  async #broken(transaction: UserTransaction, passengers: readonly Passenger[], error: unknown): Promise<void> {
    if (passengers.length > 1 && classify(error) !== 'connection') {
      this.counters.broken++;
      this.#blame(passengers, error);
      for (const { load, tell } of passengers) {
        load.settle(false);
        tell(alone);
      }
      return;
    }
    await Promise.all(
      passengers.map(async ({ run, load, final, tell, fail }) => {
        try {
          await resolveFailure(run, transaction, load, final, error);
          tell(undefined);
        } catch (failure) {
          fail(failure);
        }
      }),
    );
  }

  /** The function whose statement failed keeps to itself for a while; all of them, if it was COMMIT. */
  #blame(passengers: readonly Passenger[], error: unknown): void {
    const index = (error as { statementIndex?: number }).statementIndex ?? Infinity;
    let end = 0;
    const guilty = passengers.find(({ statements }) => index < (end += statements.length));
    for (const name of new Set((guilty === undefined ? passengers : [guilty]).map((p) => p.name))) this.#caution(name).failed();
  }
}

const plainStart = /^(?:insert|update|delete|merge|select|with|values)\b/i;
/** Settings, notifications (of which the server sends equal ones once a transaction), locks of the application. */
const lasting = /\b(?:set_config|pg_settings|pg_notify|pg_(?:try_)?advisory\w*)\b/i;
