/** What clients saw of a database in which they only append to lists and read lists: from that, the order of all transactions can be inferred. */
export type Element = string | number;

export interface Append {
  readonly kind: 'append';
  readonly key: Element;
  readonly value: Element;
}
export interface Read {
  readonly kind: 'read';
  readonly key: Element;
  /** The whole list, in order. */
  readonly values: readonly Element[];
}
export type Operation = Append | Read;

/** The step of a workflow that a transaction is. */
export interface StepSource {
  readonly workflowId: string;
  /** `'3'`, in a branch `'4/1/0'`. */
  readonly stepId: string;
  /** From 1; a second attempt that leaves an element too shows an effect applied twice. */
  readonly attempt?: number;
}

/** One transaction as its client saw it. */
export interface HistoryTransaction {
  readonly id: Element;
  /** `ok`: committed; `fail`: certainly not; `unknown`: the answer to COMMIT was lost. */
  readonly status: 'ok' | 'fail' | 'unknown';
  /** In program order. */
  readonly operations: readonly Operation[];
  /** On one clock for all: before the first statement was sent, after the answer to COMMIT. */
  readonly begin?: number;
  readonly end?: number;
  readonly source?: StepSource;
}

/** An element that names the step that appends it, so that a step that ran twice shows itself. */
export function stepElement(source: StepSource): string {
  return `${source.workflowId}#${source.stepId}#${source.attempt ?? 1}`;
}

/** Reads such an element; undefined if it is none. */
export function readStepElement(element: Element): StepSource | undefined {
  const parts = typeof element === 'string' ? element.split('#') : [];
  const [attempt, stepId, ...workflow] = parts.reverse();
  if (attempt === undefined || stepId === undefined || workflow.length === 0 || !/^\d+$/.test(attempt)) return undefined;
  return { workflowId: workflow.reverse().join('#'), stepId, attempt: Number(attempt) };
}

/** Program order of two step ids of one workflow; 0 if neither comes first, as in two branches of one `parallel`. */
export function compareSteps(a: string, b: string): number {
  const left = a.split('/');
  const right = b.split('/');
  for (let i = 0; i < Math.min(left.length, right.length); i++) {
    const difference = Number(left[i]) - Number(right[i]);
    // position, branch, position, branch, ...: steps of two branches run side by side
    if (difference !== 0) return i % 2 === 1 ? 0 : difference;
  }
  return 0;
}
