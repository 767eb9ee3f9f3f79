/** One physical connection: its queue of flights, its prepared statements, and its end. */
import { after } from '../../clock.js';
import type { FlightPoint, Probe } from '../../probe.js';
import { ConnectionLostError, markDriverError } from './driver-error.js';
import { Encoder } from './encoder.js';
import { Flight, type Done, type FlightContext, type FlightOwner, type FlightStatement } from './flight.js';
import type { KnexShell } from './knex-shell.js';
import type { RawClient, WireMessages } from './pg-internals.js';
import { PreparedStatements } from './prepared.js';
import type { Result, Statement } from './statement.js';

export type ConnectionKind = FlightPoint['connection'];

export interface FlyOptions {
  /** Without an answer by then the connection is given up: a half-open socket must not hold anybody for ever. */
  readonly deadlineMs?: number | undefined;
  /** It is written behind the flights under way, without waiting for their answers: for what does not depend on them. */
  readonly behind?: boolean | undefined;
}

export interface ConnectionSetup {
  readonly probe: Probe | undefined;
  /** Most prepared statements. */
  readonly names: number;
  /** False once only newer connections may be lent. */
  readonly isCurrent: () => boolean;
  /** Cancels what a backend is doing. */
  readonly cancel: (pid: number) => Promise<void>;
  readonly ended: (connection: Connection) => void;
}

/** Encoding is synchronous and its bytes are never written again, so one serves all connections. */
const encoder = new Encoder();
const nothing: readonly Statement[] = [];
const settleDeadlineMs = 15_000;

export class Connection implements FlightContext {
  readonly client: RawClient;
  /** What it is lent for. */
  kind: ConnectionKind = 'system';
  /** Of the backend; behind a pooler that of the last transaction that told it. */
  pid: number;
  /** Undefined behind a pooler, where a name may mean another statement, or none, in the next transaction. */
  prepared: PreparedStatements | undefined;
  /** Knex's transaction object of this connection, made once. */
  shell: KnexShell | undefined;
  /** As of the last answer. */
  status: 'I' | 'T' | 'E' = 'I';
  readonly #setup: ConnectionSetup;
  #back: ((connection: Connection) => void) | undefined;
  #active: Flight | undefined;
  #queue: Flight[] = [];
  /** Goes before whatever is sent next. */
  #owed: readonly Statement[] = nothing;
  #lost: ConnectionLostError | undefined;
  #listeners: ((error: Error) => void)[] = [];

  constructor(client: RawClient, setup: ConnectionSetup) {
    this.client = client;
    this.#setup = setup;
    this.pid = client.processID ?? 0;
    this.prepared = new PreparedStatements(setup.names);
    client.connection.on('parseComplete', () => this.#active?.handleParseComplete());
    client.connection.on('readyForQuery', this.#ready);
    client.on('error', (error: unknown) => this.giveUp(error));
    client.on('end', () => this.giveUp(new Error('Connection terminated unexpectedly')));
  }

  /** Gone, and with it all that was under way. Never true again false. */
  get lost(): boolean {
    return this.#lost !== undefined;
  }

  get lostError(): Error | undefined {
    return this.#lost;
  }

  /** A flight is under way or waits. */
  get busy(): boolean {
    return this.#active !== undefined;
  }

  /** Text of the statement under way. */
  get current(): string | undefined {
    return this.#active?.statements.at(-1)?.text;
  }

  /**
   * Sends statements in one write with one Sync.
   * @throws what the server or the driver says, marked for the classifier, with `statement` and `statementIndex`
   */
  fly(statements: readonly Statement[], options?: FlyOptions): Promise<Result[]> {
    return new Promise((resolve, reject) => {
      const done: Done = (error, answers) => (error === undefined ? resolve(answers) : reject(error as Error));
      this.send(statements, done, undefined, options?.deadlineMs, options?.behind);
    });
  }

  /** The same for callers that need no promise. */
  send(statements: readonly FlightStatement[], done: Done, owner?: FlightOwner, deadlineMs?: number, behind = false): void {
    const flight = new Flight(statements, done, owner);
    if (deadlineMs !== undefined) flight.alarm = after(deadlineMs, () => this.giveUp(new Error(`no answer within ${deadlineMs} ms`)));
    if (this.#active === undefined && this.#queue.length === 0) return this.#start(flight);
    const before = this.#queue.at(-1) ?? this.#active;
    this.#queue.push(flight);
    if (behind && before?.written === true && before.preparesNothing && before.owner === owner && this.#owed.length === 0) this.#writeBehind(flight);
  }

  /** It is pg's turn when the flights before it are answered: the server has it by then. */
  #writeBehind(flight: Flight): void {
    try {
      flight.encode(encoder, this, nothing);
    } catch (error) {
      this.#queue.pop();
      return this.#fail(flight, error);
    }
    const probe = this.#setup.probe;
    const point = { connection: this.kind, pid: this.pid, statements: flight.all };
    probe?.('flight:before', point);
    // A probe may have ended the connection, and with it the flight.
    if (this.lost) return;
    flight.write(this.client.connection);
    probe?.('flight:written', point);
  }

  #start(flight: Flight): void {
    this.#active = flight;
    if (flight.written) return void this.client.query(flight);
    try {
      if (this.#lost !== undefined) throw new ConnectionLostError(this.pid, this.#lost.cause);
      const refused = flight.owner?.refusal(flight);
      if (refused !== undefined) throw refused;
      const lead = flight.owner?.lead() ?? nothing;
      flight.encode(encoder, this, this.#owed.length === 0 ? lead : [...this.#owed, ...lead]);
    } catch (error) {
      this.#active = undefined;
      this.#fail(flight, error);
      return this.#next();
    }
    this.#owed = nothing;
    flight.owner?.led();
    const probe = this.#setup.probe;
    if (probe === undefined) {
      this.client.query(flight);
      return;
    }
    const point = { connection: this.kind, pid: this.pid, statements: flight.all };
    probe('flight:before', point);
    // A probe may have ended the connection.
    if (this.#active !== flight) return;
    this.client.query(flight);
    probe('flight:written', point);
  }

  /** These go before whatever is sent next, and at the latest before the connection leaves our pool (`settleUp`). They must not be able to fail. */
  owe(statements: readonly Statement[]): void {
    this.#owed = statements;
  }

  /** Sends what is owed, if anything; calls back when the connection is as others expect it, or lost. */
  settleUp(done: () => void): void {
    const owed = this.#owed;
    if (owed.length === 0 || this.lost) return done();
    this.#owed = nothing;
    this.send(
      owed,
      (error) => {
        if (error !== undefined) this.giveUp(error);
        done();
      },
      undefined,
      settleDeadlineMs,
    );
  }

  #fail(flight: Flight, error: unknown): void {
    flight.failed = true;
    flight.error = error;
    flight.settle();
  }

  #next(): void {
    if (this.#active !== undefined) return;
    const flight = this.#queue.shift();
    if (flight !== undefined) this.#start(flight);
  }

  // pg has its own listener before this one, so its client is free by now.
  readonly #ready = (message: WireMessages['readyForQuery']): void => {
    this.status = message.status;
    const flight = this.#active;
    if (flight === undefined || !flight.over) return;
    if (!flight.complete()) return this.giveUp(new Error(`not all statements were answered: ${this.current}`));
    this.#answered(flight);
    this.#active = undefined;
    flight.settle();
    this.#next();
  };

  #answered(flight: Flight): void {
    const probe = this.#setup.probe;
    if (probe === undefined) return;
    probe('flight:answered', { connection: this.kind, pid: this.pid, statements: flight.all, ...(flight.failed ? { error: flight.error } : {}) });
  }

  /**
   * Ends the connection at once. What is under way fails: with what the server said last if it said anything, else with the loss.
   */
  giveUp(error: unknown): void {
    if (this.#lost !== undefined) return;
    const lost = new ConnectionLostError(this.pid, error);
    this.#lost = lost;
    this.client.__knex__disposed = lost;
    // pg tells its own listeners when the socket is closed.
    this.client.connection.stream.destroy();
    const underWay = this.#active === undefined ? [] : [this.#active];
    while (this.#queue[0]?.written === true) underWay.push(this.#queue.shift() as Flight);
    this.#active = undefined;
    for (const flight of underWay) {
      if (!flight.failed || flight.error === error) flight.error = new ConnectionLostError(this.pid, error);
      flight.failed = true;
      this.#answered(flight);
      flight.settle();
    }
    this.#next();
    this.#setup.ended(this);
    for (const listener of this.#listeners.splice(0)) listener(lost);
  }

  /** Tells when it is lost, until it is released. At once if it is lost already. Gives a function that ends that. */
  onLost(listener: (error: Error) => void): () => void {
    if (this.#lost !== undefined) queueMicrotask(() => listener(this.#lost as Error));
    else this.#listeners.push(listener);
    return () => {
      this.#listeners = this.#listeners.filter((l) => l !== listener);
    };
  }

  /** Cancels the statement under way, if there is one, from another connection. */
  async cancel(): Promise<void> {
    if (this.busy && !this.lost) await this.#setup.cancel(this.pid);
  }

  isCurrent(): boolean {
    return this.#setup.isCurrent();
  }

  /** Starts a loan, which ends with `release` or `destroy`. */
  lend(kind: ConnectionKind, back: (connection: Connection) => void): this {
    this.kind = kind;
    this.#back = back;
    return this;
  }

  /** Gives it back for others to use. One that is busy or in a transaction would poison them and is ended. */
  release(): void {
    const back = this.#back;
    if (back === undefined) return;
    if (this.busy || (this.status !== 'I' && this.#owed.length === 0)) this.giveUp(new Error('released in the middle of its work'));
    if (!this.isCurrent()) this.giveUp(new Error('replaced by a newer one'));
    this.#listeners = [];
    this.#back = undefined;
    back(this);
  }

  /** Ends it and frees its place. */
  destroy(): void {
    this.giveUp(markDriverError(new Error('ended by Apiary'), this.pid));
    this.release();
  }
}
