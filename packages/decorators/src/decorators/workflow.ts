import type { Duration } from '../duration.js';
import { decorateMethod } from '../method.js';
import type { Nameable, Recorded } from './recorded.js';

export interface WorkflowOptions extends Nameable {
  /** Time from start until it is cancelled with DEADLINE; default: the parent's, else none. */
  deadline?: Duration | undefined;
  /** Times it may be claimed again after a crash before it is DEAD. Default 20. */
  maxRecoveries?: number | undefined;
}
type WorkflowDecorator = <M>(target: object, key: Recorded<M, '@Workflow'>, descriptor: TypedPropertyDescriptor<M>) => void;

/**
 * A durable method: runs to completion over crashes. Its body must be deterministic; what is not belongs in steps.
 * @param options name, deadline and bound of recoveries; a wrong one is REGISTRATION at launch
 */
export function Workflow(options?: WorkflowOptions): WorkflowDecorator {
  return decorateMethod('workflow', options);
}
