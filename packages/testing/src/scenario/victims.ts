/** Processes that live one life of a scenario and are killed at their point. */
import { Child } from '../faults/child.js';
import type { Boundary } from './boundaries.js';
import type { LifeEnd, LifeTask } from './life.js';

/** The line that a process writes before it is killed. */
export interface LastWord {
  readonly died: Boundary;
  readonly answer: string | null;
  readonly offsetMs: number;
}

const program = new URL('./victim-process.js', import.meta.url);

/** Most of a victim's life is the start of node: so many start beside the one that acts. */
const ahead = 2;

export class Victims implements AsyncDisposable {
  readonly #module: URL;
  readonly #waiting: Promise<Child>[] = [];

  constructor(module: URL) {
    this.#module = module;
    while (this.#waiting.length < ahead) this.#spawn();
  }

  /** @throws Error if the process did not end by SIGKILL at its point */
  readonly live = async (task: LifeTask): Promise<LifeEnd> => {
    this.#spawn();
    const child = await (this.#waiting.shift() as Promise<Child>);
    await child.ready;
    child.send(task);
    const survived = await child.result.then(
      (end) => end as LifeEnd,
      () => undefined,
    );
    if (survived !== undefined) {
      await child.kill();
      return survived;
    }
    const { signal } = await child.exited;
    const line = child.stdout.split('\n').find((text) => text.startsWith('{"died"') && text.endsWith('}'));
    if (line === undefined || signal !== 'SIGKILL') throw new Error(`the process that was to be killed ended by itself: ${child.stderr.slice(-2000)}`);
    const { died, answer, offsetMs } = JSON.parse(line) as LastWord;
    return { crashed: died, answer: answer ?? undefined, trace: [], offsetMs, actMovedTime: task.actMovesTime };
  };

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#waiting.map(async (child) => (await child).kill()));
  }

  #spawn(): void {
    this.#waiting.push(Child.spawn(program, { args: [this.#module.href], execArgv: [] }));
  }
}
