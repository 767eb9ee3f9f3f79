/** The error catalogue: one place for codes, HTTP statuses and the text of messages. The code is the contract; the text is not. */
import type { Duration } from './duration.js';

/** One broken class-validator rule of an argument. `path` is dotted from the parameter: `request.lines.0.sku`. */
export interface Violation {
  readonly path: string;
  readonly rule: string;
  readonly message: string;
  readonly value?: unknown;
}

/** Code to details. In brackets the HTTP status that an HTTP front answers. */
export interface ErrorCatalogue {
  // the call
  /** [400] An argument breaks its class-validator rules; nothing was stored. */
  VALIDATION: { violations: readonly Violation[] };
  /** [400] Not well-formed Unicode, holds NUL, or over 512 bytes. */
  INVALID_ID: { id: string };
  /** [400] The codec cannot take it; refused before the effect. */
  NOT_RECORDABLE: { path: string; found: string };
  /** [413] One encoded value has more bytes than `limits.payload`; refused before the effect. */
  PAYLOAD_TOO_LARGE: { bytes: number; limit: number };
  /** [409] The id belongs to a run of another function or with other input. */
  CONFLICT: { stored: string; given: string; field: 'function' | 'input' };
  /** [404] No such workflow. */
  NOT_FOUND: { workflowId: string };
  /** [500] The method carries no decorator. */
  NOT_A_FUNCTION: { method: string };
  /** [500] The class or token is nothing that this app manages. */
  NOT_A_SERVICE: { service: string };
  /** [500] A decorated method on an instance that no app manages. */
  NOT_LAUNCHED: { method: string };
  /** [500] `workflowId()`, `sleep`, ... or a static method outside a workflow. */
  NO_CONTEXT: { call: string };
  /** [500] `db` or `sql` outside a @Transaction. */
  NO_TRANSACTION: { call: string };
  /** [500] A communicator in a transaction, a step in a step, ... */
  FORBIDDEN_CALL: { caller: string; callee: string };
  /** [500] `one()` or `maybe()` met another number of rows. */
  ROW_COUNT: { rows: number };
  // the outcome
  /** [409] The workflow was cancelled. */
  CANCELLED: { workflowId: string };
  /** [504] The workflow passed its deadline; it ended CANCELLED. */
  DEADLINE: { deadline: Date };
  /** [500] The workflow used up its recoveries without making progress. */
  DEAD: { recoveries: number };
  /** [504] The wait ended; the workflow goes on. */
  WAIT_TIMEOUT: { timeoutMs: number };
  /** [504] One attempt of a communicator took longer than its `timeout`. */
  STEP_TIMEOUT: { timeoutMs: number };
  /** [504] One attempt of a transaction took too long and was rolled back. */
  TRANSACTION_TIMEOUT: { timeoutMs: number };
  /** [502] A communicator failed in all its attempts; `cause` is the last error. */
  RETRIES_EXHAUSTED: { attempts: number; errors: readonly Error[] };
  /** [500] The replay calls something else than the history says. */
  NONDETERMINISM: { stepId: string; recorded: string; called: string };
  /** [500] The transaction returned while this statement of it was under way. */
  FLOATING_QUERY: { statement: string };
  /** [500] The workflow returned while this step of it was under way: await it, or `start` it. */
  FLOATING_CALL: { stepId: string; called: string };
  /** [500] PostgreSQL rolled back: an SQL error was swallowed in the method. */
  ROLLED_BACK: { statement?: string };
  // the process
  /** [503] This executor lost its lease; another has its work. */
  FENCED: { executorId: string };
  /** [503] The app is shutting down, or has shut down. */
  SHUTTING_DOWN: {};
  /** [500] An option, a filter or a setting is wrong; `path` says which. */
  CONFIG: { path: string; problem: string };
  /** [500] Missing or circular dependency, unreflected parameter type; names the path and the remedy. */
  DEPENDENCY: { path: readonly string[]; problem: 'missing' | 'circular' | 'ambiguous' | 'untyped' | 'not emitted' };
  /** [500] Found by the checks at launch: each with class, method and remedy. */
  REGISTRATION: { problems: readonly { method: string; problem: string; remedy: string }[] };
  /** [503] No PostgreSQL answers there. */
  DATABASE_UNREACHABLE: { host: string; port: number; user: string };
  /** [500] Server below 13, schema newer than this release, embedded data of another major version. */
  DATABASE_VERSION: { found: string; needed: string };
}
export type ErrorCode = keyof ErrorCatalogue;

interface Entry<C extends ErrorCode> {
  readonly status: number;
  readonly text: (details: ErrorCatalogue[C]) => string;
}
const entry = <C extends ErrorCode>(status: number, text: Entry<C>['text']): Entry<C> => ({ status, text });

type BuiltIn = Exclude<ErrorCode, 'UNMOCKED'>;
const catalogue: { readonly [C in BuiltIn]: Entry<C> } = {
  VALIDATION: entry<'VALIDATION'>(400, ({ violations }) => `invalid arguments: ${violations.map((v) => `${v.path}: ${v.message}`).join('; ')}`),
  INVALID_ID: entry<'INVALID_ID'>(
    400,
    ({ id }) => `invalid workflow id ${JSON.stringify(id.slice(0, 64))}: an id is 1 to 512 bytes of well-formed Unicode without NUL`,
  ),
  NOT_RECORDABLE: entry<'NOT_RECORDABLE'>(400, ({ path, found }) => `${path} is ${found}, which cannot be recorded: pass data`),
  PAYLOAD_TOO_LARGE: entry<'PAYLOAD_TOO_LARGE'>(
    413,
    ({ bytes, limit }) => `a value of ${bytes} bytes is over the limit of ${limit}: store it in a table and pass its key, or raise limits.payload`,
  ),
  CONFLICT: entry<'CONFLICT'>(409, ({ stored, given, field }) => `this workflow id belongs to another ${field}: stored is ${stored}, given was ${given}`),
  NOT_FOUND: entry<'NOT_FOUND'>(404, ({ workflowId }) => `there is no workflow ${JSON.stringify(workflowId)}`),
  NOT_A_FUNCTION: entry<'NOT_A_FUNCTION'>(500, ({ method }) => `${method} carries no @Workflow, @Transaction, @Procedure or @Communicator decorator`),
  NOT_A_SERVICE: entry<'NOT_A_SERVICE'>(500, ({ service }) => `${service} is no service of this app: add it to services`),
  NOT_LAUNCHED: entry<'NOT_LAUNCHED'>(
    500,
    ({ method }) => `${method} was called on an instance that no app manages: call it on app.get(Service), or use unmanaged() of @apiary/testing`,
  ),
  NO_CONTEXT: entry<'NO_CONTEXT'>(500, ({ call }) => `${call} needs a workflow around it and was called outside one`),
  NO_TRANSACTION: entry<'NO_TRANSACTION'>(500, ({ call }) => `${call} needs a @Transaction around it and was used outside one`),
  FORBIDDEN_CALL: entry<'FORBIDDEN_CALL'>(500, ({ caller, callee }) => `${callee} may not be called in ${caller}`),
  ROW_COUNT: entry<'ROW_COUNT'>(500, ({ rows }) => `expected another number of rows than ${rows}`),
  CANCELLED: entry<'CANCELLED'>(409, ({ workflowId }) => `workflow ${workflowId} was cancelled`),
  DEADLINE: entry<'DEADLINE'>(504, ({ deadline }) => `the workflow passed its deadline of ${deadline.toISOString()}`),
  DEAD: entry<'DEAD'>(
    500,
    ({ recoveries }) => `the workflow was recovered ${recoveries} times without progress and is given up: fix its cause, then resume it`,
  ),
  WAIT_TIMEOUT: entry<'WAIT_TIMEOUT'>(504, ({ timeoutMs }) => `no outcome within ${timeoutMs} ms; the workflow goes on`),
  STEP_TIMEOUT: entry<'STEP_TIMEOUT'>(504, ({ timeoutMs }) => `the attempt took longer than ${timeoutMs} ms`),
  TRANSACTION_TIMEOUT: entry<'TRANSACTION_TIMEOUT'>(504, ({ timeoutMs }) => `the transaction took longer than ${timeoutMs} ms and was rolled back`),
  RETRIES_EXHAUSTED: entry<'RETRIES_EXHAUSTED'>(502, ({ attempts, errors }) => `failed ${attempts} times; last: ${errors.at(-1)?.message ?? 'unknown'}`),
  NONDETERMINISM: entry<'NONDETERMINISM'>(
    500,
    ({ stepId, recorded, called }) =>
      `step ${stepId} is recorded as ${recorded}, but this replay calls ${called}: the body is not deterministic, or its code changed under a running workflow`,
  ),
  FLOATING_QUERY: entry<'FLOATING_QUERY'>(500, ({ statement }) => `the transaction returned while a statement of it was not awaited: ${statement}`),
  FLOATING_CALL: entry<'FLOATING_CALL'>(
    500,
    ({ stepId, called }) => `the workflow returned while step ${stepId} (${called}) was under way: await it, or start it as a child`,
  ),
  ROLLED_BACK: entry<'ROLLED_BACK'>(
    500,
    ({ statement }) =>
      `PostgreSQL rolled the transaction back, because an SQL error was swallowed${statement === undefined ? '' : ` in: ${statement}`}: let the error through, or use a savepoint (db.transaction)`,
  ),
  FENCED: entry<'FENCED'>(503, ({ executorId }) => `executor ${executorId} lost its lease; another executor has its work`),
  SHUTTING_DOWN: entry<'SHUTTING_DOWN'>(503, () => 'the app is shutting down'),
  CONFIG: entry<'CONFIG'>(500, ({ path, problem }) => `${path}: ${problem}`),
  DEPENDENCY: entry<'DEPENDENCY'>(500, ({ path, problem }) => `${problem} dependency: ${path.join(' -> ')}`),
  REGISTRATION: entry<'REGISTRATION'>(
    500,
    ({ problems }) => `${problems.length} problem(s) in the decorated classes:\n${problems.map((p) => `- ${p.method}: ${p.problem}. ${p.remedy}`).join('\n')}`,
  ),
  DATABASE_UNREACHABLE: entry<'DATABASE_UNREACHABLE'>(
    503,
    ({ host, port, user }) => `no PostgreSQL answers as ${user} at ${host}:${port}: start it, or correct \`database\` or DATABASE_URL`,
  ),
  DATABASE_VERSION: entry<'DATABASE_VERSION'>(500, ({ found, needed }) => `found ${found}, needed ${needed}`),
};
const extra = new Map<string, Entry<never>>([
  ['UNMOCKED', entry<never>(500, ({ method }: { method: string }) => `${method} has no mock, and unmocked calls are refused`)],
]);

export interface Extras {
  readonly message?: string | undefined;
  readonly workflowId?: string | undefined;
  readonly stepId?: string | undefined;
  readonly cause?: unknown;
}
const brand = Symbol.for('apiary.error');

/** One class; `code` tells errors apart, also when they come from storage or from another copy of the package. */
export class ApiaryError<C extends ErrorCode = ErrorCode> extends Error {
  readonly code: C;
  readonly details: ErrorCatalogue[C];
  readonly httpStatus: number;
  declare readonly workflowId?: string;
  declare readonly stepId?: string;

  private constructor(code: C, details: ErrorCatalogue[C], extras: Extras) {
    const found = (catalogue as Record<string, Entry<never> | undefined>)[code] ?? extra.get(code);
    super(extras.message ?? found?.text(details as never) ?? code, extras.cause === undefined ? undefined : { cause: extras.cause });
    this.code = code;
    this.details = details;
    this.httpStatus = found?.status ?? 500;
    if (extras.workflowId !== undefined) this.workflowId = extras.workflowId;
    if (extras.stepId !== undefined) this.stepId = extras.stepId;
    Object.defineProperty(this, 'name', { value: className(code), configurable: true, writable: true });
    Object.defineProperty(this, brand, { value: true });
  }

  /** @internal */
  static create<C extends ErrorCode>(code: C, details: ErrorCatalogue[C], extras: Extras = {}): ApiaryError<C> {
    return new ApiaryError(code, details, extras);
  }
}

/** VALIDATION -> ValidationError */
function className(code: string): string {
  const words = code
    .toLowerCase()
    .split('_')
    .map((w) => w.charAt(0).toUpperCase() + w.slice(1))
    .join('');
  return words.endsWith('Error') ? words : `${words}Error`;
}

/** A catalogue error; for places that pass it on instead of throwing it. */
export const apiaryError: <C extends ErrorCode>(code: C, details: ErrorCatalogue[C], extras?: Extras) => ApiaryError<C> = ApiaryError.create;

/** Throws a catalogue error. */
export function raise<C extends ErrorCode>(code: C, details: ErrorCatalogue[C], extras?: Extras): never {
  throw ApiaryError.create(code, details, extras);
}

/** `if (isApiaryError(e, 'CONFLICT')) e.details.stored`; without a code a union to switch on. */
export function isApiaryError<C extends ErrorCode>(error: unknown, ...codes: readonly [C, ...C[]]): error is { [K in C]: ApiaryError<K> }[C];
export function isApiaryError(error: unknown): error is { [K in ErrorCode]: ApiaryError<K> }[ErrorCode];
export function isApiaryError(error: unknown, ...codes: readonly string[]): boolean {
  if (typeof error !== 'object' || error === null || (error as { [brand]?: unknown })[brand] !== true) return false;
  return codes.length === 0 || codes.includes((error as { code: string }).code);
}

/** Thrown by a communicator: no further attempt, whatever the policy says. */
export class NonRetryableError extends Error {
  override readonly name: string = 'NonRetryableError';
}
/** Thrown by a communicator: the next attempt, if any is left, after this time. */
export class RetryAfterError extends Error {
  override readonly name: string = 'RetryAfterError';
  readonly after: Duration | Date;
  constructor(message: string, after: Duration | Date, options?: ErrorOptions) {
    super(message, options);
    this.after = after;
  }
}
