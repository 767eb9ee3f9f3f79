import { randomBytes } from 'node:crypto';
import { writeFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stoppedProcess } from '../faults/sigstop.js';
import { until } from '../faults/until.js';
import { differences, readState, type CanonicalState } from './canonical-state.js';
import { told, type NumberedFlight } from './flight-numbers.js';
import { OutsideWorld } from './outside-world.js';
import type { CrashMode, CrashPoint } from './point.js';
import { letLeaseExpire, recover, rhythmOfRecovery } from './recovery.js';
import type { CrashScenario, Rhythm } from './scenario.js';
import type { ShapeDatabases } from './shape-database.js';
import type { ClientOutcome, Task, VictimResult } from './task.js';
import type { Victim, Victims } from './victims.js';

/** A victim that dies for sure need not renew. One that lives heals at its polls; one that is stopped has to lose its lease by its own clock. */
const patient: Rhythm = { lease: 60_000, poll: 20_000 };
const rhythms: Readonly<Record<CrashMode, Rhythm>> = {
  kill: patient,
  cut: { lease: 10_000, poll: 100 },
  server: { lease: 10_000, poll: 100 },
  stop: { lease: 800, poll: 80 },
};

/** What a run needs of the enumeration it belongs to. */
export interface Bench {
  readonly scenario: CrashScenario;
  readonly mode: CrashMode;
  readonly databases: ShapeDatabases;
  readonly victims: Victims;
  /** So long nothing is said to be stuck. */
  readonly patienceMs: number;
  /** mode 'server': stops PostgreSQL at once and starts it again. */
  readonly restart?: () => Promise<void>;
}

export interface CrashFreeRun {
  readonly trace: readonly NumberedFlight[];
  readonly state: CanonicalState;
}

export interface CrashedRun {
  /** What was written when it happened; undefined: it did not happen, which proves nothing. */
  readonly flight: NumberedFlight | undefined;
  /** kill: the process ended by SIGKILL. Else: it went on and ended by itself. */
  readonly asMeant: boolean;
  readonly differences: readonly string[];
}

export interface TwiceCrashedRun extends CrashedRun {
  /** What the recovery wrote, if it was not killed. */
  readonly trace: readonly NumberedFlight[];
}

interface Scene {
  readonly task: Task;
  readonly victim: Victim;
  readonly bench: Bench;
  readonly world: OutsideWorld;
}

/** Runs the scenario with nothing happening to it. */
export async function runCrashFree(bench: Bench): Promise<CrashFreeRun> {
  return onStage(bench, undefined, async ({ victim }, end) => {
    const { trace, outcome } = (await victim.child.result) as VictimResult;
    return { trace, state: await end(outcome) };
  });
}

/** Makes it happen, recovers, and compares. */
export async function runCrashed(bench: Bench, point: CrashPoint, expected: CanonicalState): Promise<CrashedRun> {
  return onStage(bench, point, async (scene, end) => {
    const word = await scene.victim.reached();
    if (word === undefined) return { flight: undefined, asMeant: false, differences: [await missed(scene.victim)] };
    try {
      const { outcome, asMeant } = await courses[bench.mode](scene);
      const found = await end(outcome);
      return { flight: word.flight, asMeant, differences: [...differences(expected, found), ...scene.world.violations(1)] };
    } catch (error) {
      return { flight: word.flight, asMeant: true, differences: [`stuck: ${error instanceof Error ? error.message : String(error)}`] };
    }
  });
}

/** A second process takes over, and is killed too, at a point of its recovery: or at none, to learn of its points. A third one finishes. */
export async function runCrashedTwice(bench: Bench, first: CrashPoint, second: CrashPoint | undefined, expected: CanonicalState): Promise<TwiceCrashedRun> {
  return onStage(bench, first, async (scene, end) => {
    const { scenario, victims, patienceMs } = bench;
    const { task, victim, world } = scene;
    const none = { trace: [], flight: undefined, asMeant: false };
    if ((await victim.reached()) === undefined) return { ...none, differences: [await missed(victim)] };
    const killed = [(await victim.child.exited).signal];
    await letLeaseExpire(scenario, task.database);
    const next = await victims.take();
    try {
      const { fault: _, ...again } = task;
      const fault = second === undefined ? undefined : { mode: 'kill' as const, point: second, resume: '' };
      next.begin({ ...again, rhythm: rhythmOfRecovery, warm: false, recovers: { got: victim.got, patienceMs }, ...(fault === undefined ? {} : { fault }) });
      const word = second === undefined ? undefined : await next.reached();
      if (word === undefined) {
        const { trace, outcome } = (await next.child.result) as VictimResult;
        return { trace, flight: undefined, asMeant: true, differences: [...differences(expected, await end(outcome)), ...world.violations(1)] };
      }
      killed.push((await next.child.exited).signal);
      await letLeaseExpire(scenario, task.database);
      const outcome = await recover(scenario, task.database, task.witness, victim.got ?? next.got, patienceMs);
      const found = [...differences(expected, await end(outcome)), ...world.violations(2)];
      return { trace: [], flight: word.flight, asMeant: killed.every((signal) => signal === 'SIGKILL'), differences: found };
    } catch (error) {
      return { ...none, asMeant: true, differences: [`stuck: ${error instanceof Error ? error.message : String(error)}`] };
    } finally {
      await next.child.kill();
    }
  });
}

async function missed({ child }: Victim): Promise<string> {
  const wrote = await child.result.then((result) => told((result as VictimResult).trace), String);
  return `the point was not reached: ${wrote}`;
}

type Act<T> = (scene: Scene, end: (outcome: ClientOutcome) => Promise<CanonicalState>) => Promise<T>;

/** A database, an outside world and a process for one run. */
async function onStage<T>(bench: Bench, point: CrashPoint | undefined, act: Act<T>): Promise<T> {
  const { scenario, mode, databases, victims } = bench;
  const [database, victim] = await Promise.all([databases.copy(), victims.take()]);
  const world = await OutsideWorld.open(scenario, database.connectionString);
  const resume = join(tmpdir(), `apiary-crash-${randomBytes(6).toString('hex')}`);
  const task: Task = {
    database: database.connectionString,
    witness: world.url,
    rhythm: point === undefined ? patient : rhythms[mode],
    warm: mode !== 'kill' || scenario.opensConnections !== true,
    ...(point === undefined ? {} : { fault: { mode, point, resume } }),
  };
  try {
    victim.begin(task);
    return await act({ task, victim, bench, world }, (outcome) => readState(task.database, scenario.config?.schema ?? 'apiary', world.calls, outcome));
  } finally {
    await victim.child.kill();
    await world.close();
    await rm(resume, { force: true });
    databases.drop(database);
  }
}

interface Course {
  readonly outcome: ClientOutcome;
  readonly asMeant: boolean;
}

/** What follows when the victim has reached its point. */
const courses: Readonly<Record<CrashMode, (scene: Scene) => Promise<Course>>> = {
  async kill({ victim, task, bench }) {
    const { signal } = await victim.child.exited;
    await letLeaseExpire(bench.scenario, task.database);
    return { outcome: await recover(bench.scenario, task.database, task.witness, victim.got, bench.patienceMs), asMeant: signal === 'SIGKILL' };
  },

  async cut({ victim, bench }) {
    return { outcome: await outcomeOf(victim, bench), asMeant: victim.lastWord?.cut === true };
  },

  async server({ victim, task, bench }) {
    await bench.restart?.();
    await writeFile(task.fault?.resume ?? '', '');
    return { outcome: await outcomeOf(victim, bench), asMeant: bench.restart !== undefined };
  },

  async stop({ victim, task, bench, world }) {
    const stopped = await stoppedProcess(victim.child.pid);
    world.stoppedAt = Date.now();
    const outcome = await recover(bench.scenario, task.database, task.witness, victim.got, bench.patienceMs);
    await stopped.continue();
    const late = await outcomeOf(victim, bench);
    if (JSON.stringify(late) !== JSON.stringify(outcome))
      throw new Error(`who was stopped got ${JSON.stringify(late)}, who took over ${JSON.stringify(outcome)}`);
    return { outcome, asMeant: stopped.states.every((state) => state === 'T') };
  },
};

async function outcomeOf(victim: Victim, { patienceMs }: Bench): Promise<ClientOutcome> {
  const { child } = victim;
  let result: VictimResult | undefined;
  let failed: unknown;
  child.result.then(
    (value) => (result = value as VictimResult),
    (error: unknown) => (failed = error ?? new Error('the victim ended')),
  );
  await until('the victim has its answer', () => result !== undefined || failed !== undefined, { within: patienceMs });
  if (result === undefined) throw failed;
  return result.outcome;
}
