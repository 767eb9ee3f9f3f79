import type { Apiary } from '@apiary/core';
import { delay, monotonic, namesOf, runningOf, type Executor } from '@apiary/core/internal';
import { assertHolds, violated, type Violation } from '../faults/ledger/violation.js';
import { kitOf } from '../kit/kit.js';
import { ask } from './ask.js';
import { leaks } from './leaks.js';
import { dense, outcomes, stuck, together, type Question } from './stored.js';

const lookMs = 20;

/**
 * Looks at all rows of the app's database and at what the app holds. What may still change by itself (a workflow that waits for a takeover, a
 * connection on its way back) is looked at again, for a lease and some polls at most.
 *
 * No effect without record, as far as the engine's tables tell: records have their workflow, children their parent, results are those of the
 * children. No stuck workflow: one that has not ended has an executor that lives, or a time to wake at. Step ids are dense. Outcomes go with
 * the status. An app that runs nothing holds no connection, transaction, lock or timer.
 * @throws Error with all that it found
 */
export async function checkInvariants(app: Apiary): Promise<void> {
  kitOf(app)?.checkAlive();
  const { executor } = runningOf(app);
  const { leaseMs, pollMs } = executor.config;
  const end = monotonic() + leaseMs + 5 * pollMs;
  for (;;) {
    const passing = await mayPass(executor);
    if (passing.length === 0 || monotonic() > end) return assertHolds([...(await always(executor)), ...passing]);
    await delay(lookMs);
  }
}

/** What must hold at any time. */
async function always(executor: Executor): Promise<Violation[]> {
  const names = namesOf(executor.schema);
  return [
    ...(await answers(executor, 'record', together(names))),
    ...(await answers(executor, 'dense', dense(names))),
    ...(await answers(executor, 'outcome', outcomes(names))),
  ];
}

/** What may be so for a moment. */
async function mayPass(executor: Executor): Promise<Violation[]> {
  const names = namesOf(executor.schema);
  const { clock, config } = executor;
  return [...(await answers(executor, 'stuck', stuck(names), [clock.offsetMs, config.pollMs])), ...(await abandoned(executor)), ...(await leaks(executor))];
}

async function answers(executor: Executor, invariant: string, questions: readonly Question[], values: readonly unknown[] = []): Promise<Violation[]> {
  const found: Violation[] = [];
  for (const { problem, text } of questions) {
    const used = values.filter((_value, index) => text.includes(`$${index + 1}`));
    found.push(...violated(invariant, problem, await ask(executor, text, used)));
  }
  return found;
}

/** Rows of this executor that it does not run. */
async function abandoned(executor: Executor): Promise<Violation[]> {
  const { workflow } = namesOf(executor.schema);
  const text = `select workflow_id, name from ${workflow} where executor_id = $1 and status = 'PENDING' and wake_at is null`;
  const mine = (await ask(executor, text, [executor.executorId])) as { workflow_id: string }[];
  const lost = mine.filter((row) => {
    const run = executor.tickets.get(row.workflow_id)?.run;
    return run === undefined || (run.isVoid && run.resolved);
  });
  return violated('stuck', 'this executor owns a workflow and does not run it', lost);
}
