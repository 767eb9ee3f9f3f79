import type { Socket } from 'node:net';
import type { StoredError } from '../error.js';
import type { Wants } from '../options.js';

/** What a client needs to connect to PostgreSQL. */
export interface ServerAddress {
  host: string;
  port: number;
  user: string;
  password: string;
  database: string;
}

export type ClientMessage = { type: 'join'; wants: Wants } | { type: 'leave' };

export type SupervisorMessage =
  | { type: 'ready'; address: ServerAddress }
  | { type: 'failed'; error: StoredError }
  /** Another supervisor holds the seat. */
  | { type: 'lost' }
  /** The supervisor was told to end: do not start another one. */
  | { type: 'stopped' };

/** Messages as lines of JSON over a socket. The open socket is at the same time the proof that the other process lives. */
export class Wire<In, Out> {
  readonly closed: Promise<void>;
  readonly #socket: Socket;
  readonly #queue: In[] = [];
  #rest = '';
  #open = true;
  #wake: () => void = () => {};

  constructor(socket: Socket) {
    this.#socket = socket;
    socket.setEncoding('utf8').on('data', (text: string) => this.#receive(text));
    socket.on('error', () => {}); // 'close' follows, and says enough
    this.closed = new Promise((settle) => {
      socket.once('close', () => {
        this.#open = false;
        this.#wake();
        settle();
      });
    });
  }

  get open(): boolean {
    return this.#open;
  }

  send(message: Out): void {
    if (this.#open && this.#socket.writable) this.#socket.write(`${JSON.stringify(message)}\n`);
  }

  /** The next message, or undefined when the socket is closed. One caller at a time. */
  async next(): Promise<In | undefined> {
    while (this.#queue.length === 0 && this.#open) {
      await new Promise<void>((settle) => {
        this.#wake = settle;
      });
    }
    return this.#queue.shift();
  }

  end(): void {
    this.#socket.end();
  }

  destroy(): void {
    this.#socket.destroy();
  }

  ref(): void {
    this.#socket.ref();
  }

  unref(): void {
    this.#socket.unref();
  }

  #receive(text: string): void {
    const lines = (this.#rest + text).split('\n');
    this.#rest = lines.pop() ?? '';
    for (const line of lines) {
      try {
        this.#queue.push(JSON.parse(line) as In);
      } catch {
        this.#socket.destroy(); // not one of ours
      }
    }
    this.#wake();
  }
}
