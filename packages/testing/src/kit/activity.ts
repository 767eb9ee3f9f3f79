/** What an app's functions do at the moment and were called with. */
import { context, type Probe, type RegisteredFunction, type Run } from '@apiary/core/internal';

/** One execution of a method's body. */
export interface Execution {
  readonly fn: RegisteredFunction;
  readonly args: readonly unknown[];
  readonly workflowId: string;
  readonly stepId: string | undefined;
}
interface Body {
  readonly run: Run | undefined;
  readonly since: number;
  hangs: boolean;
}

/** A body that takes longer is taken to wait for time, as a mock that never answers does. */
const longMs = 2000;

export class Activity {
  readonly executions: Execution[] = [];
  readonly #bodies = new Set<Body>();
  #flights = 0;
  /** Moves with everything that happens. */
  version = 0;

  readonly probe: Probe = (point) => {
    this.version++;
    if (point === 'flight:before') this.#flights++;
    else if (point === 'flight:answered') this.#flights = Math.max(0, this.#flights - 1);
  };

  /** The executor is dead, and with it all that was under way. */
  reset(): void {
    this.#bodies.clear();
    this.#flights = 0;
  }

  /** Runs a body; `hang` tells that it waits until it is aborted. */
  execute(fn: RegisteredFunction, args: readonly unknown[], work: (hangs: () => void) => unknown): unknown {
    const scope = context.getStore();
    const run = scope === undefined ? undefined : scope.kind === 'workflow' ? scope.run : scope.step.run;
    this.executions.push({
      fn,
      args,
      workflowId: run?.workflowId ?? '',
      stepId: scope === undefined || scope.kind === 'workflow' ? undefined : scope.step.stepId,
    });
    if (fn.kind === 'workflow') return work(() => {});
    const body: Body = { run, since: performance.now(), hangs: false };
    this.#bodies.add(body);
    const ended = (): void => {
      this.version++;
      this.#bodies.delete(body);
    };
    try {
      const result = work(() => (body.hangs = true));
      Promise.resolve(result).then(ended, ended);
      return result;
    } catch (error) {
      ended();
      throw error;
    }
  }

  /** Nothing is under way: what has not ended waits for time, or for what others do. */
  isQuiet(running: Iterable<Run>): boolean {
    if (this.#flights > 0) return false;
    for (const body of this.#bodies) if (!body.hangs && performance.now() - body.since < longMs) return false;
    for (const run of running) if (!this.#waits(run)) return false;
    return true;
  }

  #waits(run: Run): boolean {
    if (run.state === 'ending' || run.held !== undefined) return false;
    if (run.fn.kind === 'communicator') return true;
    if (run.fn.kind !== 'workflow') return false;
    if (run.open.size === 0) return false;
    for (const { kind } of run.open) if (kind === 'transaction' || kind === 'procedure' || kind === 'value') return false;
    return true;
  }
}
