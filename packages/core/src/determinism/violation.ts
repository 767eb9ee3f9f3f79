/** A body that did what does not replay: told as the app wants it. */
import { apiaryError } from '@apiary/decorators/internal';
import { context, type WorkflowContext } from '../context.js';
import type { Executor } from '../executor/executor.js';
import { captureStack, lineOf } from '../source-line.js';
import { asEngine } from './engine-scope.js';

export interface Misuse {
  readonly name: string;
  readonly instead: string;
}

/** Places that an app has warned of: a loop and a replay would tell them again and again. */
const told = new WeakMap<Executor, Set<string>>();

/**
 * Looks whether this is the body of a workflow, outside its steps.
 * @throws FORBIDDEN_CALL, with `determinism: 'error'`
 */
export function checkBody(misuse: Misuse): void {
  const scope = guardedBody();
  if (scope !== undefined) asEngine(() => tell(scope, misuse));
}

/** The body that the code at hand belongs to, if its app wants it guarded. What a body left behind when it ended is no body any more. */
export function guardedBody(): WorkflowContext | undefined {
  const scope = context.getStore();
  if (scope?.kind !== 'workflow' || scope.isEngine === true || scope.executor.config.determinism === 'off') return undefined;
  return scope.run.state === 'running' ? scope : undefined;
}

function tell({ executor, run }: WorkflowContext, { name, instead }: Misuse): void {
  const stack = captureStack();
  const line = lineOf(stack, run.fn.name);
  const message = `${name} in the body of the workflow ${run.fn.name}, at ${line}: a replay would see or do something else. Use ${instead}`;
  const { workflowId } = run;
  if (executor.config.determinism === 'error') throw apiaryError('FORBIDDEN_CALL', { caller: run.fn.name, callee: name }, { message, workflowId });
  const places = told.get(executor) ?? new Set();
  told.set(executor, places);
  if (places.has(`${name} ${line}`)) return;
  places.add(`${name} ${line}`);
  executor.log.warn(message, { workflowId, line, stack });
}
