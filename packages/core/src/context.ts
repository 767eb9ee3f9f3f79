/** The ambient context: which app, run and step the code at hand belongs to. */
import { AsyncLocalStorage } from 'node:async_hooks';
import type { Isolation, RegisteredFunction } from '@apiary/decorators/internal';
import type { Executor } from './executor/executor.js';
import type { StartRow } from './executor/rows.js';
import type { Run } from './executor/run.js';
import type { UserTransaction } from './store/connection/transaction.js';

export type Context = WorkflowContext | TransactionContext | CommunicatorContext;

/** In the body of a workflow, outside its steps. */
export interface WorkflowContext {
  readonly kind: 'workflow';
  readonly executor: Executor;
  readonly run: Run;
  readonly transaction?: undefined;
  /** The engine itself is at work on behalf of the body: see determinism/. */
  readonly isEngine?: true;
}
/** In one attempt of a @Transaction (or while a @Procedure builds its statements). */
export interface TransactionContext {
  readonly kind: 'transaction';
  readonly executor: Executor;
  readonly step: StepContext;
  /** Absent while a @Procedure outside a transaction builds its statements. */
  readonly transaction: UserTransaction | undefined;
  readonly isolation: Isolation;
  readonly readOnly: boolean;
  /** Workflows that exist when this transaction commits. */
  readonly outbox: StartRow[];
  /** A joined function that threw: the whole transaction rolls back, caught or not. */
  doom: { readonly error: unknown } | undefined;
}
/** In one attempt of a @Communicator. */
export interface CommunicatorContext {
  readonly kind: 'communicator';
  readonly executor: Executor;
  readonly step: StepContext;
  readonly transaction?: undefined;
  /** Aborts at the attempt's time-out too. */
  readonly signal: AbortSignal;
}

/** The step that the code at hand belongs to. */
export interface StepContext {
  readonly run: Run;
  readonly stepId: string;
  readonly fn: RegisteredFunction;
}

export const context = new AsyncLocalStorage<Context>();
