import type { Apiary } from '@apiary/core';
import { launchWith, namesOf, runningOf } from '@apiary/core/internal';
import { asAdmin } from '../engine/database.js';
import { crash } from '../engine/crash.js';
import { until } from '../faults/until.js';
import { askUntilAnswered } from './client.js';
import { configOf, type CrashScenario, type Rhythm } from './scenario.js';
import { SkippingClock } from './skipping-clock.js';
import type { ClientOutcome } from './task.js';
import { countUnfinished } from './unfinished.js';

export const rhythmOfRecovery: Rhythm = { lease: 400, poll: 40 };

/** What a wait for this long means for the lease of an executor that is dead for sure: its row says expired now. */
export async function letLeaseExpire(scenario: CrashScenario, database: string): Promise<void> {
  const { executor } = namesOf(scenario.config?.schema ?? 'apiary');
  await asAdmin(
    database,
    `do $$ begin if to_regclass('${executor}') is not null then update ${executor} set lease_until = clock_timestamp() where not fenced; end if; end $$`,
  );
}

/**
 * Another executor, and the client that repeats its act there unless it `got` its answer: takes over what is left, until nothing is.
 * @throws Error if something is left for good
 */
export async function recover(
  scenario: CrashScenario,
  database: string,
  witness: string,
  got: ClientOutcome | undefined,
  patienceMs: number,
): Promise<ClientOutcome> {
  const app = await launchWith(configOf(scenario, database, witness, rhythmOfRecovery), scenario.skipsTime === true ? { clock: new SkippingClock() } : {});
  try {
    const outcome = await finish(scenario, app, { database, got, patienceMs });
    await app.shutdown({ grace: 0 });
    return outcome;
  } catch (error) {
    await crash(app);
    throw error;
  }
}

/** The client's act, unless it has its answer, and all that is left. */
export async function finish(
  scenario: CrashScenario,
  app: Apiary,
  {
    database,
    got,
    patienceMs,
    onAnswer,
  }: { database: string; got: ClientOutcome | undefined; patienceMs: number; onAnswer?: (outcome: ClientOutcome) => void },
): Promise<ClientOutcome> {
  const outcome = got ?? (await bounded(askUntilAnswered(scenario, app), 'the client has its answer', patienceMs));
  if (got === undefined) onAnswer?.(outcome);
  await until('no workflow is left unfinished', async () => (await countUnfinished(scenario.config?.schema, database)) === 0, { within: patienceMs });
  const { executor } = runningOf(app);
  await until('the executor is idle', () => executor.active === 0 && executor.lifecycle.running.size === 0, { within: patienceMs });
  return outcome;
}

function bounded<T>(promise: Promise<T>, what: string, ms: number): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`waited in vain until ${what}`)), ms);
    promise.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}
