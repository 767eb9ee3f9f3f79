/** A @Procedure: BEGIN, the user's statements, the rows and COMMIT in one round trip. */
import { apiaryError, raise, type RegisteredFunction } from '@apiary/decorators/internal';
import { Backoff } from '../../backoff.js';
import { monotonic } from '../../clock.js';
import { context, type TransactionContext } from '../../context.js';
import { compile, interpret, type Compiled } from '../../sql/compile.js';
import { withoutComments } from '../../sql/without-comments.js';
import { isInfrastructure } from '../../store/connection/classify.js';
import type { Connection } from '../../store/connection/connection.js';
import type { Result, Statement } from '../../store/connection/statement.js';
import { UserTransaction } from '../../store/connection/transaction.js';
import { recordProcedure, tooLarge, wrongRowCount, type RecordedBy } from '../../store/statements/record-procedure.js';
import { commitFinal, TryAgain, type Final } from '../commit.js';
import type { Executor } from '../executor.js';
import type { Input } from '../input.js';
import { legible } from '../legible.js';
import type { Call, Run } from '../run.js';
import { RunVoid } from '../signals.js';
import { checkJoin, failStep } from './transaction.js';

export async function procedureStep(run: Run, call: Call, fn: RegisteredFunction, target: object, input: Input): Promise<unknown> {
  const backoff = new Backoff();
  for (let tries = 1; ; tries++) {
    const wait = run.ready(call);
    if (wait !== undefined) await wait;
    try {
      const record = run.row(call, { attempts: tries });
      const output = await fly(run, call.stepId, fn, target, input, { record });
      run.executor.probe('step:recorded', { workflowId: run.workflowId, stepId: call.stepId, name: call.name, attempt: tries });
      return run.executor.codec.decode(output);
    } catch (error) {
      if (error instanceof RunVoid || run.isVoid) throw error;
      if (!(error instanceof TryAgain)) return failStep(run, call, error, tries);
      run.delivery.withdraw(call);
      await backoff.wait();
    }
  }
}

/** Sends it once; gives the recorded output. Throws TryAgain, RunVoid, or the user's error. */
export async function fly(run: Run, stepId: string, fn: RegisteredFunction, target: object, input: Input, by: RecordedBy): Promise<string | null> {
  const { executor } = run;
  const point = { workflowId: run.workflowId, stepId, name: fn.name, attempt: 1 };
  executor.probe('step:before', point);
  const compiled = statementsOf(executor, run, stepId, fn, target, input);
  executor.probe('step:returned', point);
  try {
    const final = finalOf(executor, fn, compiled, by);
    const { begin } = executor.functions.transaction(fn);
    const results = await executor.sharedFlights.fly(run, fn.name, begin, final, () => flyAlone(run, fn, begin, final));
    return results === undefined ? await stored(executor, by) : ((results.at(-1)?.rows[0]?.['output'] as string | null | undefined) ?? null);
  } catch (error) {
    throw translate(executor, fn, compiled, error);
  }
}

async function flyAlone(run: Run, fn: RegisteredFunction, begin: Statement, final: Final): Promise<readonly Result[] | undefined> {
  const { executor } = run;
  const connection = executor.store.connections.userAtHand() ?? (await acquire(executor));
  try {
    const transaction = new UserTransaction(connection, { begin: executor.store.opening(begin, executor.id), label: fn.name });
    transaction.seal();
    const since = monotonic();
    const results = await commitFinal(run, transaction, final);
    executor.sharedFlights.took(fn.name, monotonic() - since);
    return results;
  } finally {
    connection.release();
  }
}

async function acquire(executor: Executor): Promise<Connection> {
  try {
    return await executor.store.connections.acquireUser();
  } catch (error) {
    throw isInfrastructure(error) ? new TryAgain('no connection', { cause: error }) : error;
  }
}

/** Calls the method, which only builds statements. */
function statementsOf(executor: Executor, run: Run, stepId: string, fn: RegisteredFunction, target: object, input: Input): Compiled {
  const scope: TransactionContext = {
    kind: 'transaction',
    executor,
    step: { run, stepId, fn },
    transaction: undefined,
    isolation: 'serializable',
    readOnly: false,
    outbox: [],
    doom: undefined,
  };
  try {
    const query = context.run(scope, () => fn.metadata.body.apply(target, input.take() as never[]));
    return compile(query, fn.name);
  } catch (error) {
    throw legible(error);
  }
}

const recordable = /^\s*(?:insert|update|delete|merge)\b/i;

function finalOf(executor: Executor, fn: RegisteredFunction, { statements, last: shape }: Compiled, by: RecordedBy): Final {
  const last = statements.at(-1);
  if (last === undefined) raise('CONFIG', { path: fn.name, problem: 'a @Procedure returns at least one statement' });
  const rows = returnsRows(executor, last.text);
  if (!rows && !recordable.test(withoutComments(last.text))) {
    raise('CONFIG', { path: fn.name, problem: `a @Procedure cannot record this statement, use a @Transaction: ${last.text}` });
  }
  const wrapped = recordProcedure(executor.store.names, last, shape, rows, by, executor.config.limits.payload);
  // A statement without RETURNING whose rows nobody counts is not wrapped: it runs before the record.
  const apart = !rows && shape !== 'count';
  const before = apart ? statements : statements.slice(0, -1);
  const shown = apart ? recordProcedure(executor.store.names, { text: '' }, shape, false, by, executor.config.limits.payload) : wrapped;
  const { record, workflow } = by;
  const recordedAs = {
    records: record === undefined ? [] : [record],
    starts:
      workflow === undefined ? [] : [{ ...workflow, kind: 'procedure' as const, parentId: null, rootId: null, deadline: null, outcome: null, records: null }],
  };
  return { record: undefined, outcome: undefined, outbox: [], procedure: { before, last: executor.named(shown), recordedAs } };
}

const reads = /^(?:select|values|table|with|show|explain)\b/i;

/**
 * Whether the statement gives rows. Without the word RETURNING a writing one gives none; where the word is there but means something
 * else, the server refuses the wrapper (0A000), and the answer is known from then on. No round trip is spent on a Describe.
 */
function returnsRows(executor: Executor, text: string): boolean {
  const known = executor.described.get(text);
  if (known !== undefined) return known;
  const bare = withoutComments(text);
  return reads.test(bare) || /\breturning\b/i.test(bare);
}

/** The answer was lost, the commit was not: what the server recorded. */
async function stored(executor: Executor, by: RecordedBy): Promise<string | null> {
  return executor.store.untilAnswered(async (store) => {
    if (by.workflow !== undefined) return (await store.workflow(by.workflow.workflowId))?.output ?? null;
    const { record } = by;
    return (await store.records([record?.workflowId ?? ''])).find((r) => r.stepId === record?.stepId)?.output ?? null;
  });
}

function translate(executor: Executor, fn: RegisteredFunction, compiled: Compiled, error: unknown): unknown {
  if (error instanceof RunVoid || error instanceof TryAgain) return error;
  const { code, message } = error as { code?: unknown; message?: string };
  const last = compiled.statements.at(-1)?.text ?? '';
  if (code === '0A000' && executor.described.get(last) === undefined && message?.includes('RETURNING') === true) {
    executor.described.set(last, false);
    return new TryAgain('the statement gives no rows', { cause: error });
  }
  if (code === wrongRowCount)
    return apiaryError('ROW_COUNT', { rows: Number(message) }, { message: `${fn.name} expected another number of rows than ${message}` });
  if (code === tooLarge) return apiaryError('PAYLOAD_TOO_LARGE', { bytes: Number(message), limit: executor.config.limits.payload });
  return error;
}

/** A @Procedure called in a @Transaction joins it, as a batch. */
export async function joinProcedure(scope: TransactionContext, fn: RegisteredFunction, target: object, input: Input): Promise<unknown> {
  const { executor, transaction, step } = scope;
  if (transaction === undefined) raise('FORBIDDEN_CALL', { caller: step.fn.name, callee: fn.name });
  checkJoin(scope, fn);
  try {
    const compiled = compile(
      context.run({ ...scope, transaction: undefined }, () => fn.metadata.body.apply(target, input.take() as never[])),
      fn.name,
    );
    const results: readonly Result[] = await transaction.batch(compiled.statements);
    return executor.codec.copy(interpret(compiled, results), 'result').value;
  } catch (error) {
    scope.doom ??= { error };
    throw error;
  }
}
