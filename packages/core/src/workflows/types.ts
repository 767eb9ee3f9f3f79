import type { AsyncKeys, AsyncMethod, Duration, Type } from '@apiary/decorators';

/** DELAYED and ENQUEUED wait in a queue; PENDING runs or is parked; DEAD used up its recoveries. The last four are final until resumed. */
export type WorkflowStatus = 'DELAYED' | 'ENQUEUED' | 'PENDING' | 'SUCCESS' | 'ERROR' | 'CANCELLED' | 'DEAD';
export const statuses: readonly WorkflowStatus[] = ['DELAYED', 'ENQUEUED', 'PENDING', 'SUCCESS', 'ERROR', 'CANCELLED', 'DEAD'];

export interface StartOptions {
  /**
   * Same id, function and input: joins the first run and gives its outcome. Other function or input: CONFLICT. Default (and for
   * undefined): random; for a child the parent's id and the step.
   */
  workflowId?: string | undefined;
  /** As in @Workflow; an instant is absolute; null: none, not even the parent's. */
  deadline?: Duration | Date | null | undefined;
}
/** A started workflow: await it for the handle (the start is durable then), or `.result()` for the outcome at once. */
export interface Started<R> extends Promise<WorkflowHandle<R>> {
  result(options?: WaitOptions): Promise<R>;
}
type Starts<S> = {
  readonly [K in keyof S as S[K] extends AsyncMethod ? K : never]: S[K] extends (...args: infer A) => Promise<infer R> ? (...args: A) => Started<R> : never;
};
/**
 * `start(Service).method(...args)`: the public async methods, of instances and static. A generic method takes its constraint, an
 * overloaded one its last overload. One that is not decorated: NOT_A_FUNCTION, at the call.
 */
export type Starter<C extends Type> = Starts<InstanceType<C>> & Starts<C>;
/** What `start` gives for a method: `ResultOf<Transfers, 'transfer'>`. */
export type ResultOf<S, K extends AsyncKeys<S>> = S[K] extends (...args: never[]) => Promise<infer R> ? R : never;

export interface WaitOptions {
  /** Then WAIT_TIMEOUT; the workflow goes on. Default none. */
  timeout?: Duration | undefined;
  /** Gives up waiting; the workflow goes on. */
  signal?: AbortSignal | undefined;
}
export interface WorkflowHandle<R = unknown> {
  readonly workflowId: string;
  /** The outcome, or throws the workflow's error, CANCELLED, DEADLINE or DEAD. In a workflow, a recorded step. */
  result(options?: WaitOptions): Promise<R>;
  status(): Promise<WorkflowStatus>;
  info(): Promise<WorkflowInfo<R>>;
  steps(): Promise<StepInfo[]>;
  /** Steps under way are aborted by `signal()`, children too; the next step throws CANCELLED. After the end: no effect. */
  cancel(): Promise<void>;
  /** Continues a CANCELLED, ERROR or DEAD workflow after its last record; else no effect. */
  resume(): Promise<void>;
  /** A new workflow with the records before step `from` (an id of `steps()`), the rest runs anew. */
  fork(options: { from: string; workflowId?: string | undefined }): Promise<WorkflowHandle<R>>;
}
export interface WorkflowSummary {
  readonly workflowId: string;
  /** `<service>.<method>` */
  readonly name: string;
  readonly status: WorkflowStatus;
  readonly createdAt: Date;
  readonly updatedAt: Date;
  readonly version: string;
  readonly recoveries: number;
  readonly executorId?: string;
  readonly parentId?: string;
  readonly deadline?: Date;
  readonly wakeAt?: Date;
}
export type WorkflowInfo<R = unknown> = WorkflowSummary & { readonly input: readonly unknown[] } & (
    | { readonly status: 'SUCCESS'; readonly output: R }
    | { readonly status: 'ERROR' | 'DEAD'; readonly error: Error }
    | { readonly status: 'CANCELLED' | 'PENDING' | 'ENQUEUED' | 'DELAYED' }
  );
export interface StepInfo {
  /** Position in the workflow; in a branch of `parallel` with the branch: '4/1/0'. */
  readonly stepId: string;
  readonly name: string;
  readonly kind: 'transaction' | 'procedure' | 'communicator' | 'workflow' | 'sleep' | 'value' | 'receive' | 'send' | 'event' | 'stream';
  readonly output?: unknown;
  readonly error?: Error;
  readonly attempts: number;
  readonly startedAt: Date;
  readonly completedAt?: Date;
  readonly childId?: string;
}
export type OneOrMore<T> = T | readonly T[];
export interface WorkflowFilter {
  workflowId?: OneOrMore<string> | undefined;
  idPrefix?: string | undefined;
  /** `'Transfers.transfer'` */
  name?: OneOrMore<string> | undefined;
  status?: OneOrMore<WorkflowStatus> | undefined;
  version?: OneOrMore<string> | undefined;
  executorId?: OneOrMore<string> | undefined;
  parentId?: string | undefined;
  createdAfter?: Date | undefined;
  createdBefore?: Date | undefined;
  /** Default 'newest'. */
  order?: 'newest' | 'oldest' | undefined;
  /** Size of a page, 1 to 1000. Default 100. */
  limit?: number | undefined;
  /** `Page.next` of the page before. */
  after?: string | undefined;
}
/** For what changes many: an empty selection and `undefined` in it are refused (CONFIG); `{ all: true }` means all. */
export type Selection = { [K in Exclude<keyof WorkflowFilter, 'order' | 'limit' | 'after'>]?: NonNullable<WorkflowFilter[K]> } & { all?: true };
export interface Page<T> {
  readonly items: readonly T[];
  readonly next?: string;
}
/** Await it for one page, or iterate over all: `for await (const w of app.list({ status: 'DEAD' }))`. */
export interface Listing<T> extends Promise<Page<T>>, AsyncIterable<T> {}

/** What an app can do to any workflow. */
export interface Operations {
  /** Starts without waiting for the outcome: `await app.start(Transfers, { workflowId }).transfer(request)`. */
  start<C extends Type>(service: C, options?: StartOptions): Starter<C>;
  /** No query is sent: a wrong id shows at the first use, as NOT_FOUND. R is yours to know; see `ResultOf`. */
  handle<R = unknown>(workflowId: string): WorkflowHandle<R>;
  list(filter?: WorkflowFilter): Listing<WorkflowSummary>;
  /** Many at once, in bounded batches; gives their number. */
  cancel(which: Selection): Promise<number>;
  resume(which: Selection): Promise<number>;
}
