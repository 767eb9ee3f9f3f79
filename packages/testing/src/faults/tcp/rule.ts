import type { Message } from '../wire/message.js';
import type { RequestFlight } from './request-flight.js';

export type Way = 'to server' | 'to client';

/** Ends the connection: nothing of the flight is sent on, all up to the matching message, or all of it and no answer is waited for. */
export interface Cut {
  readonly kind: 'cut';
  readonly at: 'before' | 'within' | 'after';
}
/** Sends on a number of bytes drawn from this range, then resets (RST) both sides, in the middle of a message if it falls so. */
export interface Reset {
  readonly kind: 'reset';
  readonly bytes: readonly [number, number];
  readonly way?: Way;
}
/** Sends the flight on, lets the server do it and answer, and swallows the answer: then the connection is cut, or hangs for ever. */
export interface LoseAnswer {
  readonly kind: 'lose answer';
  readonly then?: 'cut' | 'black hole';
}
/** Keeps the flight back until `release`. */
export interface HoldRequest {
  readonly kind: 'hold request';
}
/** Sends the flight on, keeps its answer back until `release`. Hits when the server has answered in full. */
export interface HoldAnswer {
  readonly kind: 'hold answer';
}
/** Swallows all bytes from here on, in both ways or in one; both sockets stay open (half-open connection) until `heal`. */
export interface BlackHole {
  readonly kind: 'black hole';
  readonly way?: Way | 'both';
}
/** Waits, a time drawn from the range in milliseconds. With `on: 'open'` it is each message of the link, else the match. */
export interface Delay {
  readonly kind: 'delay';
  readonly ms: readonly [number, number];
}
/** From here on, both ways leave in pieces of 1 to `largest` (default 7) bytes, a TCP segment each. */
export interface Chop {
  readonly kind: 'chop';
  readonly largest?: number;
}
/** The message never arrives; all others do. */
export interface Drop {
  readonly kind: 'drop';
}

export type LinkFault = Cut | Reset | BlackHole | Delay | Chop;
export type RequestFault = LinkFault | LoseAnswer | HoldRequest | HoldAnswer;
export type AnswerFault = LinkFault | Drop;
export type Fault = RequestFault | AnswerFault;

/** A connection through the proxy. */
export interface LinkInfo {
  /** From 1, in order of opening. */
  readonly number: number;
  /** Pid of the server's backend; undefined until the server told it. */
  readonly pid: number | undefined;
  /** Parameters of the startup message: `user`, `database`, `application_name`. */
  readonly parameters: ReadonlyMap<string, string>;
}

interface Limits {
  /** Only these connections. */
  readonly link?: (link: LinkInfo) => boolean;
  /** Passes over so many matches first. Default 0. */
  readonly skip?: number;
  /** How often it is applied. Default 1. */
  readonly times?: number;
  /** Probability of a match to count, drawn from the proxy's seed. Default 1. */
  readonly chance?: number;
}
/** A fault at the opening of a connection, at a flight of a client, or at a message of the server. */
export type Rule = Limits &
  (
    | { readonly on: 'open'; readonly fault: LinkFault }
    | { readonly on: 'request'; readonly is: (flight: RequestFlight, link: LinkInfo) => boolean; readonly fault: RequestFault }
    | { readonly on: 'answer'; readonly is: (message: Message, link: LinkInfo) => boolean; readonly fault: AnswerFault }
  );

/** Proof that a fault happened. */
export interface Hit {
  readonly link: number;
  readonly pid: number | undefined;
  /** Statements of the flight that was hit. */
  readonly statements: readonly string[];
  /** Of an answer that was lost or held: the command tags in it, and `ERROR <SQLSTATE>`. Lost for sure in a commit is what ends with COMMIT. */
  readonly answer: readonly string[];
}

/** The flight executes a statement whose text matches. */
export function executes(pattern: RegExp): (flight: RequestFlight) => boolean {
  return (flight) => flight.statements.some((text) => pattern.test(text));
}

/** The flight executes COMMIT, also a prepared one. */
export const commits: (flight: RequestFlight) => boolean = executes(/^\s*(commit|end)\b/i);

/** A message with this letter, e.g. `A` for notifications. */
export function letter(type: string): (message: Message) => boolean {
  return (message) => message.type === type;
}
