/** Replays histories with the engine's own executor, behind which there is no database. */
import { Apiary, type Config, type ConcreteType, type Provided } from '@apiary/core';
import {
  appOf,
  Clock,
  Codec,
  construct,
  createLogger,
  delay,
  Executor,
  Input,
  inspect,
  keyName,
  Lease,
  Lifecycle,
  monotonic,
  newIdentity,
  resolveConfig,
  runBody,
  Ticket,
  type Outcome,
  type Run,
  type Running,
  type Store,
} from '@apiary/core/internal';
import { AbsentValues } from './absent-value.js';
import type { History } from './history.js';
import { judge, type ReplayProblem } from './judge.js';
import { ReplayedRun } from './replayed-run.js';

/** Later than any sleep and deadline: what is recorded has happened. */
const endOfTime = 8e15;
/** A body that makes no call and does not end for so long waits for something that is no step. */
const patienceMs = 2000;
/** Turns of the event loop in which nothing may happen before a body counts as waiting for a call without record. */
const quietTurns = 3;

export interface Code {
  readonly services: readonly ConcreteType[];
  /** Values that bodies of workflows read. What is missing here is missed only by a body that uses it. */
  readonly provide?: Provided<readonly unknown[]> | undefined;
}

/** Ends of runs go nowhere. */
class Ends extends Lifecycle {
  override async finish(run: Run, outcome: Outcome): Promise<void> {
    (run as ReplayedRun).bodyEnded(outcome);
  }
}

class ReplayExecutor extends Executor {
  override readonly lifecycle: Lifecycle = new Ends(this);
}

export class Replayer implements AsyncDisposable {
  readonly #executor: ReplayExecutor;

  private constructor(executor: ReplayExecutor) {
    this.#executor = executor;
  }

  /** @throws what a launch throws for services that are not right, and what their constructors throw */
  static async of({ services, provide }: Code): Promise<Replayer> {
    const absent = new AbsentValues();
    const inspection = inspect({ services, provide: provide as never, app: { type: Apiary as never }, missing: (key) => absent.make(keyName(key)) });
    const executor = executorWithoutDatabase({ services, provide } as Config, inspection.version);
    executor.registry = await construct(inspection, executor, appOf({ executor } as unknown as Running));
    absent.seal();
    return new Replayer(executor);
  }

  has({ workflow }: History): boolean {
    return this.#executor.registry.functions.get(workflow.name)?.kind === 'workflow';
  }

  /** What no longer fits, if anything. */
  async replay(history: History): Promise<ReplayProblem | undefined> {
    const executor = this.#executor;
    const { workflow, records } = history;
    const fn = executor.registry.functions.get(workflow.name);
    if (fn === undefined || fn.kind !== 'workflow') {
      return {
        workflowId: workflow.workflowId,
        stepId: '',
        recorded: `${workflow.kind} ${workflow.name}`,
        called: 'nothing: no such function',
        line: workflow.name,
      };
    }
    const run = new ReplayedRun({
      executor,
      executorId: executor.id,
      ticket: new Ticket(workflow.workflowId, workflow.name, workflow.inputHash ?? ''),
      fn,
      input: Input.stored(executor.codec, fn, workflow.input),
      epoch: 1,
      start: undefined,
      history: new Map(records.map((record) => [record.stepId, record])),
      deadline: null,
      rootId: workflow.workflowId,
      parentId: null,
    });
    void runBody(run, executor.targetOf(fn));
    await atRest(run);
    const problem = judge(executor.codec, history, run);
    run.makeVoid('its history ends here');
    return problem;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#executor.clock.close();
    await this.#executor.registry.dispose();
  }
}

/** Resolves when the body ended, or goes no further. */
async function atRest(run: ReplayedRun): Promise<void> {
  let quiet = 0;
  let since = monotonic();
  let calls = 0;
  for (let turn = 0; run.outcome === undefined; turn++) {
    await (turn % 64 === 63 ? delay(1) : new Promise((resolve) => setImmediate(resolve)));
    if (run.isBusy || run.called.size !== calls) {
      calls = run.called.size;
      quiet = 0;
      since = monotonic();
    } else quiet++;
    if (run.unrecorded.length > 0 ? quiet >= quietTurns : monotonic() - since > patienceMs) return;
  }
}

function executorWithoutDatabase(config: Config, version: string): ReplayExecutor {
  const clock = new Clock();
  clock.offsetMs = endOfTime;
  const resolved = resolveConfig({ ...config, database: 'postgres://127.0.0.1/none', log: { level: 'silent' }, determinism: 'off' });
  const log = createLogger(resolved.log, { app: resolved.name });
  const store = new Proxy(Object.create(null) as object, {
    get: () => {
      throw new Error('a replay has no database');
    },
  });
  return new ReplayExecutor({
    config: resolved,
    version,
    identity: newIdentity(),
    store: store as Store,
    codec: new Codec({ payload: Number.MAX_SAFE_INTEGER, payloadWarning: Number.MAX_SAFE_INTEGER, warn: () => {} }),
    clock,
    log,
    lease: new Lease(Number.MAX_SAFE_INTEGER),
    probe: () => {},
  });
}
