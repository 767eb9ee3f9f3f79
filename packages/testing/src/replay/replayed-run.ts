/** The engine's own run with a history, in which no step is performed: it ends where the history ends. */
import { captureStack, Run, type Call, type Outcome, type RecordRow, type StepKind } from '@apiary/core/internal';

/** A call that has no record. */
export interface Unrecorded {
  readonly stepId: string;
  readonly name: string;
}

export class ReplayedRun extends Run {
  /** Names of the calls, by step id, and where the body made them. */
  readonly called = new Map<string, { readonly name: string; readonly stack: string }>();
  readonly unrecorded: Unrecorded[] = [];
  readonly #waiting = new Set<string>();
  #outcome: Outcome | undefined;

  /** How the body ended, if it did. */
  get outcome(): Outcome | undefined {
    return this.#outcome;
  }

  bodyEnded(outcome: Outcome): void {
    this.#outcome = outcome;
    this.ended();
  }

  /** Recorded calls whose result is still on its way to the body. */
  get isBusy(): boolean {
    for (const { stepId } of this.open) if (!this.#waiting.has(stepId)) return true;
    return false;
  }

  override step<T>(
    kind: StepKind,
    name: string,
    inputHash: string | null,
    perform: (call: Call) => Promise<T>,
    restore: (record: RecordRow) => T | Promise<T>,
  ): Promise<T> {
    const stepId = this.#note(name);
    // What the engine refuses at the call is never recorded, and is refused again.
    const isRefusal = inputHash === null && this.executor.registry.functions.has(name);
    return super.step(kind, name, inputHash, isRefusal ? perform : () => this.#stopAt({ stepId, name }), restore);
  }

  override value<T>(name: string, make: () => T): T {
    const stepId = this.#note(name);
    return super.value(name, () => {
      this.unrecorded.push({ stepId, name });
      return make();
    });
  }

  /** The engine numbers calls in the order in which they are made; so does this. */
  #note(name: string): string {
    const stepId = String(this.called.size);
    this.called.set(stepId, { name, stack: captureStack() });
    return stepId;
  }

  #stopAt(call: Unrecorded): Promise<never> {
    this.unrecorded.push(call);
    this.#waiting.add(call.stepId);
    return new Promise(() => {});
  }
}
