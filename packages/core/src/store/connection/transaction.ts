/**
 * One transaction of user code. BEGIN flies with the first statement, the engine's rows and COMMIT with the last flight. It sees all that
 * happens on its connection, so it knows at the end whether what the code believes is what the server did (DESIGN L1, L2).
 */
import { apiaryError } from '@apiary/decorators/internal';
import type { Knex } from 'knex';
import { after } from '../../clock.js';
import type { Answer } from './answer.js';
import { classify, isInfrastructure } from './classify.js';
import type { Connection } from './connection.js';
import { driverMark, failedStatement, markDriverError } from './driver-error.js';
import type { Done, Flight, FlightOwner, FlightStatement, Portal } from './flight.js';
import type { Result, Statement } from './statement.js';
import { rollsBackToSavepoint, traitsOf } from './transaction-control.js';

/** A `sql` query that was created in the transaction and not sent yet. */
export interface UnsentQuery {
  readonly text: string;
}

export interface UserTransactionOptions {
  /** BEGIN, and what has to follow it at once; they fly with the first statement. */
  readonly begin: readonly Statement[];
  /** The function, for messages. */
  readonly label: string;
}

const commitStatement: Statement = { name: 'apiary_commit', text: 'commit' };
const owedCommit: readonly Statement[] = [commitStatement];
const rollbackStatement: Statement = { name: 'apiary_rollback', text: 'rollback' };
/**
 * User code has changed settings: the promise of a durable commit must not be among them (DESIGN L11). For the session, since the change
 * may have been for the session; behind a pooler the session is not ours, and each transaction is made durable by itself.
 */
const durable: Statement = { text: 'set synchronous_commit = on' };
const durableHere: Statement = { text: 'set local synchronous_commit = on' };
const nothing: readonly Statement[] = [];
/** A COMMIT may wait for replicas, but not for ever for a socket that is open on one side only. */
const commitDeadlineMs = 60_000;
const rollbackDeadlineMs = 15_000;
/** After a cancel the statement ends soon, or the connection is dead. */
const cancelDeadlineMs = 5_000;

export class UserTransaction implements FlightOwner {
  readonly connection: Connection;
  readonly label: string;
  /** BEGIN has been written. */
  begun = false;
  #begin: readonly Statement[];
  #sealed = false;
  #ended = false;
  /** Flights of user code that were given to the connection and have not come back. */
  #running = 0;
  #decisive: Error | undefined;
  #failed: string | undefined;
  #control: string | undefined;
  #floating: Error | undefined;
  #changedSettings = false;
  /** The connection leads to a server that cannot write. */
  #useless = false;
  #unsent: Set<UnsentQuery> | undefined;
  #abandoned: Set<Portal> | undefined;
  #cancelling: Promise<void> | undefined;
  #allLanded: (() => void) | undefined;

  constructor(connection: Connection, options: UserTransactionOptions) {
    this.connection = connection;
    this.label = options.label;
    this.#begin = options.begin;
    connection.shell?.lease(this);
  }

  /** The transaction as Knex. Usable in its own async context only. */
  get db(): Knex.Transaction {
    const shell = this.connection.shell;
    if (shell === undefined) throw apiaryError('NO_TRANSACTION', { call: 'db' });
    return shell.knex;
  }

  get sealed(): boolean {
    return this.#sealed;
  }

  /** The first infrastructure error seen, also if user code caught it in a savepoint: it decides (DESIGN L2). */
  get infrastructureError(): Error | undefined {
    return this.#decisive ?? (this.begun ? this.connection.lostError : undefined);
  }

  /** Sends one statement. */
  query(text: string, values?: readonly unknown[], options?: { readonly name?: string | undefined }): Promise<Result> {
    return this.run({ text, values, name: options?.name });
  }

  run(statement: FlightStatement): Promise<Answer> {
    return new Promise((resolve, reject) => {
      this.send([statement], (error, answers) => (error === undefined ? resolve(answers[0] as Answer) : reject(error as Error)));
    });
  }

  /** Sends several statements in one flight: the first that fails stops the others. */
  batch(statements: readonly FlightStatement[]): Promise<Answer[]> {
    return new Promise((resolve, reject) => {
      this.send(statements, (error, answers) => (error === undefined ? resolve(answers) : reject(error as Error)));
    });
  }

  /**
   * The same for callers that need no promise, or have one. What user code sends before it has seen the last answer needs nothing of that answer, so
   * it does not wait for it on the way to the server either.
   */
  send(statements: readonly FlightStatement[], done: Done): void {
    const refused = this.#refused(statements);
    if (refused !== undefined) return done(refused, []);
    this.#running++;
    this.connection.send(statements, done, this, undefined, true);
  }

  #refused(statements: readonly FlightStatement[]): Error | undefined {
    if (this.#sealed) return this.#isOver(statements);
    for (let i = 0; i < statements.length; i++) {
      const { control, copiesThroughClient, maySet } = traitsOf((statements[i] as FlightStatement).text);
      if (maySet) this.#changedSettings = true;
      if (control !== undefined) return this.#forbidden(control, 'Apiary commits when the method returns; to roll back, throw. Savepoints are fine');
      if (copiesThroughClient) return this.#forbidden('copy through the client', 'insert the rows, or use a connection of your own');
    }
    return undefined;
  }

  #forbidden(callee: string, remedy: string): Error {
    return apiaryError('FORBIDDEN_CALL', { caller: this.label, callee }, { message: `\`${callee}\` may not be sent in ${this.label}: ${remedy}` });
  }

  #isOver(statements: readonly FlightStatement[]): Error {
    return apiaryError(
      'NO_TRANSACTION',
      { call: statements[0]?.text ?? 'sql' },
      {
        message: `the transaction of ${this.label} is over, this statement was not sent: ${statements[0]?.text ?? ''}`,
      },
    );
  }

  // ---- as the owner of its flights

  refusal(flight: Flight): Error | undefined {
    return this.#sealed ? this.#isOver(flight.statements) : undefined;
  }

  lead(): readonly Statement[] {
    return this.begun ? nothing : this.#begin;
  }

  led(): void {
    this.begun = true;
  }

  landed(flight: Flight): void {
    if (this.#abandoned === undefined || !this.#wasAbandoned(flight.statements[0])) this.#running--;
    if (flight.failed) this.#sawError(flight.error, flight.written);
    else this.#sawAnswers(flight);
    this.#learnBackend(flight);
    if (this.#running === 0) this.#allLanded?.();
  }

  #sawError(error: unknown, written: boolean): void {
    this.#becameReadOnly(error);
    const kind = classify(error);
    if (this.#decisive === undefined && (isInfrastructure(error) || kind === 'fenced' || kind === 'void')) this.#decisive = error as Error;
    if (written) this.#failed ??= failedStatement(error);
  }

  /** A write was refused though the transaction was not begun as a reader: the server has become a replica. */
  #becameReadOnly(error: unknown): void {
    if ((error as { code?: unknown } | null)?.code !== '25006' || this.#begin.some((s) => /read\s+only/i.test(s.text))) return;
    if (driverMark(error) === undefined) return;
    this.#useless = true;
    this.#decisive ??= markDriverError(
      Object.assign(new Error((error as Error).message, { cause: error }), { code: '25006' }),
      this.connection.pid,
      'unavailable',
    );
  }

  #sawAnswers(flight: Flight): void {
    for (let i = 0; i < flight.answers.length; i++) {
      const { command } = flight.answers[i] as Answer;
      switch (command) {
        case 'SET':
          this.#changedSettings = true;
          break;
        case 'ROLLBACK':
          if (rollsBackToSavepoint(flight.statements[i]?.text ?? '')) this.#failed = undefined;
          else this.#control ??= command;
          break;
        case 'BEGIN':
        case 'START':
        case 'COMMIT':
          this.#control ??= command;
      }
    }
    // PREPARE TRANSACTION, or anything else that ended it.
    if (this.connection.status === 'I') this.#control ??= flight.statements.at(-1)?.text;
  }

  /** Behind a pooler each transaction may have another backend; the fence check tells which. */
  #learnBackend(flight: Flight): void {
    if (this.connection.prepared !== undefined || flight.leadAnswers.length === 0) return;
    const pid = flight.leadAnswers.at(-1)?.rows[0]?.['pid'];
    if (typeof pid === 'number') this.connection.pid = pid;
  }

  /** The rows of this portal that are under way need not be waited for. */
  abandon(portal: Portal): void {
    this.#running--;
    (this.#abandoned ??= new Set()).add(portal);
  }

  #wasAbandoned(statement: FlightStatement | undefined): boolean {
    const portal = statement?.more ?? statement?.open;
    return portal !== undefined && this.#abandoned?.delete(portal) === true;
  }

  // ---- queries that are not sent yet

  /** A `sql` query was created here: it has to be sent, or the code forgot to await it. */
  created(query: UnsentQuery): void {
    if (!this.#sealed) (this.#unsent ??= new Set()).add(query);
  }

  /** It was sent, or has become part of another one. */
  used(query: UnsentQuery): void {
    this.#unsent?.delete(query);
  }

  // ---- the end

  /** From here on nothing of user code is sent. What is under way at this moment was not awaited. */
  seal(): void {
    if (this.#sealed) return;
    this.#sealed = true;
    const unsent = this.#unsent?.values().next().value;
    if (this.#running > 0) this.#floating = apiaryError('FLOATING_QUERY', { statement: this.connection.current ?? 'a statement' });
    else if (unsent !== undefined) this.#floating = apiaryError('FLOATING_QUERY', { statement: unsent.text });
    else if (this.connection.shell?.unfinished(this) === true) this.#floating = apiaryError('FLOATING_QUERY', { statement: 'a nested transaction' });
  }

  /** Why it must not commit, although the code returned. */
  problem(): Error | undefined {
    this.seal();
    const infrastructure = this.infrastructureError;
    if (infrastructure !== undefined) return infrastructure;
    if (this.#control !== undefined) return this.#forbidden(this.#control, 'it ended the transaction before its record');
    if (this.#floating !== undefined) return this.#floating;
    return this.begun && this.connection.status !== 'T' ? this.#rolledBack() : undefined;
  }

  #rolledBack(): Error {
    return apiaryError('ROLLED_BACK', this.#failed === undefined ? {} : { statement: this.#failed });
  }

  /**
   * The final flight: BEGIN if nothing was sent yet, the rows, COMMIT; one write. Gives the answers to the rows.
   * @throws `problem()`, the error of the flight, or ROLLED_BACK if the server answered COMMIT with ROLLBACK. The session is clean then.
   */
  commit(rows: readonly Statement[]): Promise<Result[]> {
    const problem = this.problem();
    if (problem !== undefined) return this.rollback().then(() => Promise.reject(problem));
    const pooled = this.connection.prepared === undefined;
    const settings = this.#changedSettings || pooled;
    const statements = settings ? [pooled ? durableHere : durable, ...rows, commitStatement] : [...rows, commitStatement];
    return new Promise((resolve, reject) => {
      this.connection.send(
        statements,
        (error, answers) => {
          const failure = error ?? (answers.pop()?.command === 'COMMIT' ? undefined : this.#rolledBack());
          if (failure !== undefined) {
            void this.#clear().then(() => {
              this.#over();
              reject(failure as Error);
            });
            return;
          }
          this.#over();
          resolve(settings ? answers.slice(1) : answers);
        },
        this.#last,
        commitDeadlineMs,
      );
    });
  }

  /** Ends a transaction that only read. Nothing is sent if nothing was. */
  async commitReadOnly(): Promise<void> {
    if (this.begun || this.problem() !== undefined) await this.commit(nothing);
    else this.#over();
  }

  /**
   * Ends a transaction that only read, at an isolation at which its COMMIT cannot be refused: the COMMIT flies with what the connection sends
   * next, at the latest at the end of this turn. False if it has to be awaited.
   */
  endReadOnly(): boolean {
    if (this.#begin.length !== 1 || this.#changedSettings || this.problem() !== undefined) return false;
    if (this.begun) this.connection.owe(owedCommit);
    this.#over();
    return true;
  }

  /** Rolls back whatever there is. Never throws: a connection that cannot be cleaned is ended. */
  async rollback(): Promise<void> {
    this.seal();
    if (this.#ended) return;
    try {
      // Others may wait for the locks of what still runs.
      if (this.#running > 0) await this.cancel();
      await this.#cancelling;
      await this.#clear();
    } finally {
      this.#over();
    }
  }

  /** Ends the statement under way, from another connection. The transaction is sealed. Resolves when nothing of user code is under way. */
  cancel(): Promise<void> {
    this.seal();
    this.#cancelling ??= this.#cancelNow();
    return this.#cancelling;
  }

  /** A cancel that arrives before its statement has no effect, so it is repeated until the statement has ended. */
  async #cancelNow(): Promise<void> {
    const { connection } = this;
    const dead = after(cancelDeadlineMs, () => connection.giveUp(new Error('a cancelled statement did not end')));
    try {
      for (let pause = 5; this.#running > 0; pause *= 2) {
        await connection.cancel();
        if (this.#running > 0) await this.#landing(pause);
      }
    } catch (error) {
      connection.giveUp(error);
    } finally {
      dead.cancel();
    }
  }

  /** Resolves when all flights of user code have landed, at the latest after this time. */
  #landing(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const alarm = after(ms, resolve);
      this.#allLanded = () => {
        alarm.cancel();
        resolve();
      };
    });
  }

  async #clear(): Promise<void> {
    const { connection } = this;
    if (connection.lost || (!connection.busy && connection.status === 'I')) return;
    try {
      await this.#end([rollbackStatement], rollbackDeadlineMs);
    } catch (error) {
      connection.giveUp(error);
    }
  }

  /** A flight of ours at the end; user code's may still be before it. */
  #end(statements: readonly Statement[], deadlineMs: number): Promise<Answer[]> {
    const { connection } = this;
    return new Promise((resolve, reject) => {
      connection.send(statements, (error, answers) => (error === undefined ? resolve(answers) : reject(error as Error)), this.#last, deadlineMs);
    });
  }

  readonly #last: FlightOwner = {
    refusal: () => undefined,
    lead: () => this.lead(),
    led: () => this.led(),
    landed: (flight) => this.#learnBackend(flight),
  };

  #over(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.connection.shell?.end(this);
    if (this.#useless) this.connection.giveUp(new Error('the server has become read-only'));
  }
}
