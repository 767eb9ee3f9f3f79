import { Child } from '../faults/child.js';
import { until } from '../faults/until.js';
import type { AnswerWord, ClientOutcome, LastWord, Task } from './task.js';

const withinMs = 180_000;
const program = new URL('./victim-process.js', import.meta.url);

/** A process with one task. */
export class Victim {
  readonly child: Child;

  constructor(child: Child) {
    this.child = child;
  }

  begin(task: Task): void {
    this.child.send(task);
  }

  /** What it wrote when it reached its point, if it has. */
  get lastWord(): LastWord | undefined {
    return this.#line<LastWord>('reached');
  }

  /** The answer its client got, if it came that far. */
  get got(): ClientOutcome | undefined {
    return this.#line<AnswerWord>('got')?.got;
  }

  #line<T>(key: keyof T & string): T | undefined {
    const line = this.child.stdout.split('\n').find((text) => text.startsWith(`{"${key}"`) && text.endsWith('}'));
    return line === undefined ? undefined : (JSON.parse(line) as T);
  }

  /** Resolves when it has reached its point, and stands still or is gone; with undefined if it ended without. */
  reached(): Promise<LastWord | undefined> {
    let ended = false;
    void this.child.exited.then(() => (ended = true));
    this.child.result.then(
      () => (ended = true),
      () => undefined,
    );
    return until('the victim has reached its point', () => this.lastWord ?? (ended ? 'missed' : undefined), { within: withinMs }).then((word) =>
      word === 'missed' ? undefined : word,
    );
  }
}

/** Starts the processes of a scenario ahead of time: most of the life of a victim is the start of node. */
export class Victims {
  readonly #module: URL;
  readonly #ahead: number;
  readonly #waiting: Promise<Child>[] = [];
  #left: number;

  /** @param total so many will be wanted: no more are started */
  constructor(module: URL, ahead: number, total: number) {
    this.#module = module;
    this.#ahead = ahead;
    this.#left = total;
    this.#refill();
  }

  async take(): Promise<Victim> {
    if (this.#waiting.length === 0) this.#left++;
    this.#refill();
    const child = await (this.#waiting.shift() as Promise<Child>);
    this.#refill();
    await child.ready;
    return new Victim(child);
  }

  /** Ends those that nobody took. */
  async close(): Promise<void> {
    this.#left = 0;
    for (const waiting of this.#waiting.splice(0)) await (await waiting).kill();
  }

  #refill(): void {
    while (this.#waiting.length < this.#ahead && this.#left > 0) {
      this.#left--;
      this.#waiting.push(Child.spawn(program, { args: [this.#module.href], execArgv: [] }));
    }
  }
}
