/**
 * Several statements in one write with one Sync, one answer (DESIGN 4.2). After an error the server skips the rest up to the Sync.
 * What pg calls a submittable: it has its place in pg's own queue, and pg's handlers find what they call. The one place where statements
 * reach the driver.
 */
import type { Alarm } from '../../clock.js';
import { Answer, Shape } from './answer.js';
import { isServerError, markDriverError, nameStatement } from './driver-error.js';
import type { Encoder } from './encoder.js';
import type { RawClient, RawConnection, WireMessages } from './pg-internals.js';
import type { Prepared, PreparedStatements } from './prepared.js';
import type { Statement } from './statement.js';

/** Rows in portions, through a portal that lives until the end of the transaction. */
export interface Portal {
  readonly name: string;
  readonly rows: number;
  /** Set by the flight that opens it. */
  shape: Shape | undefined;
}

/** A statement with what only the connection layer asks for. */
export interface FlightStatement extends Statement {
  readonly rowMode?: 'array' | undefined;
  /** Opens this portal for the statement and takes the first rows. */
  readonly open?: Portal | undefined;
  /** Takes more rows of this portal; `text` is for messages only. */
  readonly more?: Portal | undefined;
}

/** Whom a flight belongs to; asked when it is about to be written, told when it is over. */
export interface FlightOwner {
  /** Why it may no longer be written. */
  refusal(flight: Flight): Error | undefined;
  /** Statements that go before it, since nothing of the owner was written yet. */
  lead(): readonly Statement[];
  /** What `lead` gave has been written. */
  led(): void;
  landed(flight: Flight): void;
}

/** What a flight needs of its connection. */
export interface FlightContext {
  readonly client: RawClient;
  readonly pid: number;
  readonly prepared: PreparedStatements | undefined;
  giveUp(error: unknown): void;
}

export type Done = (error: unknown, answers: Answer[]) => void;

const none: readonly never[] = [];
const ignore = (): void => {};

export class Flight {
  // pg calls it when `query_timeout` is configured; it may be wrapped by pg, then calling it ends pg's timer.
  callback: () => void = ignore;
  readonly statements: readonly FlightStatement[];
  readonly owner: FlightOwner | undefined;
  readonly done: Done;
  /** Answers to `statements`, not to what went before them. */
  answers: Answer[] = [];
  /** Answers to what went before. */
  leadAnswers: Answer[] = [];
  error: unknown;
  failed = false;
  written = false;
  /** pg is done with it: the next ReadyForQuery is the end of this flight, and not of something before it. */
  over = false;
  alarm: Alarm | undefined;
  #lead: readonly FlightStatement[] = none;
  #context!: FlightContext;
  #bytes!: Buffer;
  /** Of all statements, those before included; undefined for unnamed ones. */
  #prepared: (Prepared | undefined)[] = [];
  /** What is parsed by this flight, in order; undefined for unnamed ones. */
  #parses: (Prepared | undefined)[] = [];
  #parsed = 0;
  #index = 0;
  // Of the statement that is being answered.
  #shape: Shape | undefined;
  #answer: Answer | undefined;
  #asArrays = false;

  constructor(statements: readonly FlightStatement[], done: Done, owner?: FlightOwner) {
    this.statements = statements;
    this.done = done;
    this.owner = owner;
  }

  /** All statements, for probes and messages. */
  get all(): readonly FlightStatement[] {
    return this.#lead.length === 0 ? this.statements : [...this.#lead, ...this.statements];
  }

  /** Makes the bytes. Throws, with nothing changed on the server, if a value cannot be sent. */
  encode(encoder: Encoder, context: FlightContext, lead: readonly Statement[]): void {
    this.#lead = lead;
    this.#context = context;
    context.prepared?.tick();
    encoder.begin();
    try {
      this.#choose(context.prepared);
      if (context.prepared !== undefined) for (const name of context.prepared.closing) encoder.closeStatement(name);
      for (let i = 0; i < lead.length; i++) this.#write(encoder, lead[i] as FlightStatement, this.#prepared[i]);
      for (let i = 0; i < this.statements.length; i++) this.#write(encoder, this.statements[i] as FlightStatement, this.#prepared[lead.length + i]);
    } catch (error) {
      encoder.abandon();
      this.#unparsed(0);
      throw error;
    }
    this.#bytes = encoder.finish();
  }

  /** Looks all names up before anything is written, since names that have to go are closed first. */
  #choose(names: PreparedStatements | undefined): void {
    const lead = this.#lead;
    const total = lead.length + this.statements.length;
    for (let i = 0; i < total; i++) {
      const s = (i < lead.length ? lead[i] : this.statements[i - lead.length]) as FlightStatement;
      this.#prepared.push(names === undefined || s.name === undefined || s.more !== undefined ? undefined : names.use(s.name, s.text));
    }
  }

  #write(encoder: Encoder, s: FlightStatement, prepared: Prepared | undefined): void {
    if (s.more !== undefined) return encoder.executePortal(s.more.name, s.more.rows);
    const name = prepared?.name ?? '';
    if (prepared === undefined || (!prepared.known && !prepared.parsing)) {
      encoder.parse(name, s.text);
      this.#parses.push(prepared);
      if (prepared !== undefined) prepared.parsing = true;
    }
    encoder.bind(s.open?.name ?? '', name, s.values ?? none);
    if (s.open !== undefined) {
      encoder.describePortal(s.open.name);
      return encoder.executePortal(s.open.name, s.open.rows);
    }
    if (prepared === undefined || prepared.shape === undefined) encoder.describe();
    encoder.execute();
    if (s.copy !== undefined) encoder.copy(s.copy);
  }

  /** Called by pg when the connection is free. */
  submit(connection: RawConnection): null {
    if (!this.written) this.write(connection);
    return null;
  }

  /** Before the connection is free if it goes behind another flight. */
  write(connection: RawConnection): void {
    this.written = true;
    connection.stream.write(this.#bytes);
    this.#context.prepared?.closed();
  }

  /** What is written behind it can rely on the names that are known now, whatever comes of this flight. */
  get preparesNothing(): boolean {
    return this.#parses.length === 0;
  }

  get #current(): FlightStatement {
    const lead = this.#lead.length;
    return (this.#index < lead ? this.#lead[this.#index] : this.statements[this.#index - lead]) as FlightStatement;
  }

  handleParseComplete(): void {
    const prepared = this.#parses[this.#parsed++];
    if (prepared !== undefined) {
      prepared.known = true;
      prepared.parsing = false;
    }
  }

  handleRowDescription(message: WireMessages['rowDescription']): void {
    const shape = new Shape(message.fields, this.#context.client);
    this.#shape = shape;
    const prepared = this.#prepared[this.#index];
    if (prepared?.fixed === true) prepared.shape = shape;
    const open = this.#current.open;
    if (open !== undefined) open.shape = shape;
  }

  handleDataRow(message: WireMessages['dataRow']): void {
    if (this.failed) return;
    if (this.#answer === undefined) {
      this.#answer = new Answer();
      this.#shape ??= this.#expected();
      this.#asArrays = this.#current.rowMode === 'array';
    }
    const shape = this.#shape;
    if (shape === undefined) return this.#context.giveUp(new Error('rows came without a description of them'));
    try {
      const row = this.#asArrays ? shape.array(message.fields) : shape.row(message.fields);
      this.#answer.rows.push(row as Record<string, unknown>);
    } catch (error) {
      // A type parser of the user's threw: its error, once the server has finished.
      this.failed = true;
      this.error = error;
    }
  }

  #expected(): Shape | undefined {
    return this.#prepared[this.#index]?.shape ?? this.#current.more?.shape;
  }

  handleCommandComplete(message: WireMessages['commandComplete']): void {
    this.#finishStatement(message.text);
  }

  handleEmptyQuery(): void {
    this.#finishStatement('');
  }

  handlePortalSuspended(): void {
    (this.#answer ??= new Answer()).suspended = true;
    this.#finishStatement('');
  }

  #finishStatement(tag: string): void {
    const prepared = this.#prepared[this.#index];
    const answer = this.#answer ?? new Answer();
    const shape = this.#shape ?? this.#expected();
    if (shape !== undefined) answer.fields = shape.fields;
    else if (prepared?.fixed === true) prepared.shape = null;
    answer.complete(tag);
    (this.#index < this.#lead.length ? this.leadAnswers : this.answers).push(answer);
    this.#index++;
    this.#answer = undefined;
    this.#shape = undefined;
  }

  /** An error of the server, after which pg no longer knows this query; or of the connection. */
  handleError(error: unknown): void {
    if (!isServerError(error)) return this.#context.giveUp(error);
    this.#serverError(error);
    if (error.severity === 'FATAL' || error.severity === 'PANIC') this.#context.giveUp(error);
  }

  #serverError(error: Error & { code: string; routine?: string }): void {
    this.over = true;
    if (this.failed) return;
    this.failed = true;
    const prepared = this.#prepared[this.#index];
    const names = this.#context.prepared;
    const refused = prepared !== undefined && names !== undefined && this.#planRefused(error, prepared, names);
    this.error = markDriverError(error, this.#context.pid, refused ? 'plan' : undefined);
    const statement = this.#index < this.#lead.length + this.statements.length ? this.#current : undefined;
    if (statement !== undefined) nameStatement(error, statement.text, this.#index - this.#lead.length);
  }

  #planRefused(error: { code: string; routine?: string }, prepared: Prepared, names: PreparedStatements): boolean {
    // The result of the statement has changed: after an ALTER TABLE it has to be prepared anew.
    if (error.code === '0A000' && error.routine === 'RevalidateCachedQuery') names.forget(prepared);
    // All are gone: DEALLOCATE ALL, or another server session behind a pooler.
    else if (error.code === '26000' && prepared.known) names.clear();
    // It is there, though we never made it.
    else if (error.code === '42P05' && !prepared.known) names.forget(prepared);
    else return false;
    return true;
  }

  /** Not called by pg after an error. The connection listens itself and goes on from there. */
  handleReadyForQuery(): void {
    this.over = true;
  }

  /** What it takes is on its way already. */
  handleCopyInResponse(): void {
    if (this.#current.copy === undefined) this.handleCopyData();
  }

  /** COPY to or from the client, as a user may send it, has its own protocol. What is on its way cannot be stopped but by ending the connection. */
  handleCopyData(): void {
    const text = this.#current.text;
    this.failed = true;
    this.error ??= new Error(`COPY from or to the client is not possible here: ${text}`);
    this.#context.giveUp(new Error(`COPY from or to the client: ${text}`));
  }

  /** The server is ready again. True if every statement was answered, or an error says why not. */
  complete(): boolean {
    this.#unparsed(this.#parsed);
    return this.failed || this.#index === this.#lead.length + this.statements.length;
  }

  /** What was not parsed is not known. */
  #unparsed(from: number): void {
    for (let i = from; i < this.#parses.length; i++) {
      const prepared = this.#parses[i];
      if (prepared === undefined) continue;
      prepared.parsing = false;
      if (!prepared.known) this.#context.prepared?.drop(prepared);
    }
  }

  /** Ends it for its owner and whoever waits. */
  settle(): void {
    this.alarm?.cancel();
    this.callback();
    this.owner?.landed(this);
    this.done(this.failed ? this.error : undefined, this.answers);
  }
}
