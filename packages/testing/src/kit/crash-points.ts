import type { Type } from '@apiary/core';
import type { Probe, RegisteredFunction } from '@apiary/core/internal';

export type CrashPoint = 'before' | 'before record' | 'after record';

interface Armed {
  readonly isFor: (name: string) => boolean;
  readonly point: CrashPoint;
  readonly nth: number;
  /** Calls seen since, by workflow and step: attempts of one call are one. */
  readonly calls: string[];
}

const points: Readonly<Record<string, CrashPoint>> = {
  'step:before': 'before',
  'step:returned': 'before record',
  'step:recorded': 'after record',
  'run:started': 'before',
  'run:returned': 'before record',
  'run:recorded': 'after record',
};

/** Thrown through the engine at the point of a crash: its run is void, so nobody hears of it. */
export class Crashed extends Error {}

/** The points at which the executor is to die. */
export class CrashPoints {
  #armed: Armed[] = [];
  readonly #crash: () => void;
  readonly #isWorkflow: (name: string) => boolean;

  constructor(crash: () => void, isWorkflow: (name: string) => boolean) {
    this.#crash = crash;
    this.#isWorkflow = isWorkflow;
  }

  get isArmed(): boolean {
    return this.#armed.length > 0;
  }

  arm(isFor: (name: string) => boolean, point: CrashPoint, nth: number): void {
    this.#armed.push({ isFor, point, nth, calls: [] });
  }

  isAfterRecord(fn: RegisteredFunction): boolean {
    return this.#armed.some((armed) => armed.point === 'after record' && armed.isFor(fn.name));
  }

  readonly probe: Probe = (name, detail) => {
    const point = points[name];
    if (point === undefined || this.#armed.length === 0) return;
    const { workflowId, stepId = '0', name: method } = detail as { workflowId: string; stepId?: string; name: string };
    // A direct call of a step has its points as a step; only its outcome, which is its record, may come as that of a run.
    if ((name === 'run:started' || name === 'run:returned') && !this.#isWorkflow(method)) return;
    const call = `${workflowId} ${stepId}`;
    for (const armed of this.#armed) {
      if (!armed.isFor(method)) continue;
      if (!armed.calls.includes(call)) armed.calls.push(call);
      if (armed.point !== point || armed.calls.indexOf(call) !== armed.nth - 1) continue;
      this.#armed = this.#armed.filter((other) => other !== armed);
      this.#crash();
      // The body of the step must not run, and what it returned goes nowhere.
      if (name === 'step:before' || name === 'step:returned') throw new Crashed(`the executor died at ${point} of ${method}`);
      return;
    }
  };
}

/** Whether a recorded function is that method of the class, or of a service that extends it. */
export function isMethod(fn: RegisteredFunction, service: Type, method: string): boolean {
  const { type } = fn.service as { type: { prototype: object } };
  return fn.metadata.method === method && ((type as unknown) === service || type.prototype instanceof (service as unknown as new () => object));
}
