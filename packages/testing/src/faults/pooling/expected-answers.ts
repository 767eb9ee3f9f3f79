import type { Message } from '../wire/message.js';

/** The kinds of request that a server answers, each up to a message that ends the answer. */
export type Request = 'query' | 'parse' | 'bind' | 'describe' | 'execute' | 'close' | 'sync';
/** Passed on to the client; kept from it, since the proxy asked; or made up, since the server was not asked. */
export type Handling = 'forward' | 'swallow' | { readonly fake: Buffer };

interface Expected {
  readonly request: Request;
  readonly handling: Handling;
  /** The request failed, or was skipped after a failure. */
  readonly onFailed: (() => void) | undefined;
}

const ends: Readonly<Record<Request, string>> = { query: 'Z', parse: '1', bind: '2', describe: 'Tn', execute: 'CIs', close: '3', sync: 'Z' };
const requests = new Map<string, Request>([
  ['Q', 'query'],
  ['F', 'query'],
  ['P', 'parse'],
  ['B', 'bind'],
  ['D', 'describe'],
  ['E', 'execute'],
  ['C', 'close'],
  ['S', 'sync'],
]);

/** The request that a client's message is; undefined for what is answered by nothing of its own (Flush, COPY data). */
export function requestOf(message: Message): Request | undefined {
  return requests.get(message.type);
}

/** Which answers a server owes, in order: so requests of the proxy's own, and answers of its own, can stand between those of the client. */
export class ExpectedAnswers {
  readonly #queue: Expected[] = [];
  readonly #emit: (bytes: Buffer) => void;
  /** After an error the server skips all until the next Sync, also what has not arrived yet. */
  #skipping = false;

  constructor(emit: (bytes: Buffer) => void) {
    this.#emit = emit;
  }

  get empty(): boolean {
    return this.#queue.length === 0;
  }

  expect(request: Request, handling: Handling = 'forward', onFailed?: () => void): void {
    if (this.#skipping && request !== 'sync') {
      onFailed?.();
      return;
    }
    this.#skipping = false;
    this.#queue.push({ request, handling, onFailed });
    this.#emitFakes();
  }

  /** Takes the server's next message, and gives to the client what is for it. */
  take(message: Message): void {
    const [head] = this.#queue;
    const unasked = message.type === 'A' || message.type === 'N' || message.type === 'S';
    if (unasked || head === undefined) {
      if (head?.handling !== 'swallow' || message.type === 'A') this.#emit(message.bytes);
      return;
    }
    if (message.type === 'E') {
      if (head.handling !== 'swallow' || head.request !== 'query') this.#emit(message.bytes);
      this.#failed(head);
      return;
    }
    if (head.handling !== 'swallow') this.#emit(message.bytes);
    if (!ends[head.request].includes(message.type)) return;
    this.#queue.shift();
    this.#emitFakes();
  }

  #failed(head: Expected): void {
    // A simple query ends with its own ReadyForQuery, also after an error.
    if (head.request === 'query' || head.request === 'sync') return;
    while (this.#queue[0] !== undefined && this.#queue[0].request !== 'sync') this.#queue.shift()?.onFailed?.();
    this.#skipping = this.#queue.length === 0;
  }

  #emitFakes(): void {
    for (let head = this.#queue[0]; head !== undefined && typeof head.handling === 'object'; head = this.#queue[0]) {
      this.#emit(head.handling.fake);
      this.#queue.shift();
    }
  }
}
