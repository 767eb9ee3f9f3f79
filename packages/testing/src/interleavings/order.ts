/** The order in which the writes of several executors reach the database: one at a time, whose turn it is is drawn. */
import { SeededRandom } from '../faults/random.js';
import type { RuleHandle } from '../faults/tcp/rule-handle.js';
import type { TcpProxy } from '../faults/tcp/tcp-proxy.js';
import { isWork } from '../scenario/boundaries.js';

/** A write that has no answer by then waits for another one, as for a lock. */
const longestTurnMs = 20;
/** Then all that can happen in this process without an answer of the database has happened. */
const quietTurns = 6;

export class Order {
  readonly #random: SeededRandom;
  readonly #handles: readonly RuleHandle[];
  readonly #answered: () => number;
  readonly #done: Promise<void>;
  #ended = false;

  /** @param answered how many writes of anybody were answered so far */
  constructor(seed: number, proxies: readonly TcpProxy[], answered: () => number) {
    this.#random = new SeededRandom(seed);
    this.#answered = answered;
    this.#handles = proxies.map((proxy) =>
      proxy.add({
        on: 'request',
        is: ({ statements }) => statements.length > 0 && isWork(statements),
        times: Number.POSITIVE_INFINITY,
        fault: { kind: 'hold request' },
      }),
    );
    this.#done = this.#run();
  }

  async end(): Promise<void> {
    this.#ended = true;
    for (const handle of this.#handles) handle.remove();
    await this.#done;
  }

  async #run(): Promise<void> {
    while (!this.#ended) {
      await this.#quiet();
      const waiting = this.#handles.filter(({ held }) => held > 0);
      if (waiting.length === 0) continue;
      const before = this.#answered();
      this.#random.pick(waiting).releaseNext();
      const begun = performance.now();
      while (!this.#ended && this.#answered() === before && performance.now() - begun < longestTurnMs) await turn();
    }
  }

  /** Nothing new has come for some rounds of the event loop. */
  async #quiet(): Promise<void> {
    const now = (): number => this.#handles.reduce((sum, { held }) => sum + held, this.#answered());
    let last = now();
    for (let quiet = 0; quiet < quietTurns && !this.#ended; quiet++) {
      await turn();
      if (now() !== last) quiet = 0;
      last = now();
    }
    // Nobody waits: it need not be looked again at once.
    if (!this.#ended && this.#handles.every(({ held }) => held === 0)) await new Promise((resolve) => setTimeout(resolve, 1));
  }
}

function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
