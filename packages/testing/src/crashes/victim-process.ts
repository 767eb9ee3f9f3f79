/** The process that is made to fail: `Victims` starts it with the address of a scenario's module, ahead of time, and gives it one task. */
import { writeSync } from 'node:fs';
import { isInfrastructure, launchWith, runningOf, type Connection, type Running } from '@apiary/core/internal';
import { childSide } from '../faults/child-side.js';
import { supervisedLaunch } from '../faults/supervised-launch.js';
import { askUntilAnswered } from './client.js';
import { FlightNumbers, type NumberedFlight } from './flight-numbers.js';
import { finish } from './recovery.js';
import { configOf, loadScenario } from './scenario.js';
import { SkippingClock } from './skipping-clock.js';
import { standardOutput, type AnswerWord, type ClientOutcome, type Task, type VictimResult } from './task.js';
import { VictimFault } from './victim-fault.js';

const side = childSide();
const scenario = await loadScenario(new URL(process.argv[2] ?? ''));
side.onMessage((message) => void work(message as Task));
side.ready();

async function work(task: Task): Promise<void> {
  const fault = task.fault === undefined ? undefined : new VictimFault(task.fault);
  const { recovers } = task;
  const numbers = new FlightNumbers({
    unnumbered: (flight) => scenario.unnumbered?.(flight) === true || (recovers !== undefined && looksAgain(flight)),
    reached: fault?.reached ?? (() => undefined),
  });
  if (scenario.from === 'launch' || recovers !== undefined) numbers.start();
  const internals = { probe: numbers.probe, ...(scenario.skipsTime === true ? { clock: new SkippingClock() } : {}) };
  const app = await supervisedLaunch(() => launchWith(configOf(scenario, task.database, task.witness, task.rhythm), internals), isLostInMigrations);
  if (task.warm) await openConnections(runningOf(app));
  numbers.start();
  const told = (got: ClientOutcome): void => void writeSync(standardOutput, `${JSON.stringify({ got } satisfies AnswerWord)}\n`);
  let outcome: ClientOutcome;
  if (recovers === undefined) told((outcome = await askUntilAnswered(scenario, app)));
  else outcome = await finish(scenario, app, { database: task.database, ...recovers, onAnswer: told });
  await app.shutdown({ grace: 0 });
  const result: VictimResult = { trace: numbers.trace, outcome };
  await side.result(result);
  side.leave();
}

/** What a user's migrations throw comes as it is: of a lost connection the driver's own error, behind the statement. The engine's own says more. */
function isLostInMigrations(error: unknown): boolean {
  return error instanceof Error && /(?:^| - )Connection terminated\b/.test(error.message);
}

/** Who waits for a workflow that it does not run yet looks at its row again and again. */
function looksAgain({ connection, statements }: Omit<NumberedFlight, 'number'>): boolean {
  return connection === 'system' && statements.length === 1 && /^select .* where w\.workflow_id = any\(\$1/.test(statements[0] ?? '');
}

const most = 4;

/**
 * Whether a step or a poll finds a connection free or opens one is a matter of microseconds, and would move the points behind it. One after
 * the other, since a launch that is counted counts these too.
 */
async function openConnections({ config, executor }: Running): Promise<void> {
  const { connections } = executor.store;
  const lent: Connection[] = [];
  const acquire = async (wanted: number, one: () => Promise<Connection>): Promise<void> => {
    for (let i = 0; i < Math.min(most, wanted); i++) lent.push(await one().catch((error: unknown) => openedAgain(error, one)));
  };
  await acquire(config.pool.size, () => connections.acquireUser());
  await acquire(config.pool.systemSize, () => connections.acquireSystem());
  for (const connection of lent) connection.release();
}

/** The fault may be at the opening of this one. */
function openedAgain(error: unknown, one: () => Promise<Connection>): Promise<Connection> {
  if (!isInfrastructure(error)) throw error;
  return one();
}
