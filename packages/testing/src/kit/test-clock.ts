import { milliseconds, namesOf, type Clock, type Running } from '@apiary/core/internal';
import type { Duration } from '@apiary/core';
import type { Activity } from './activity.js';

/** Sleeps, deadlines, retry waits, receive time-outs and schedules of this app follow it; leases and the database do not. */
export interface TestClock {
  now(): Date;
  /** Moves on and resolves when all that became due has run. */
  advance(by: Duration): Promise<void>;
  /** Jumps from one due time to the next until nothing waits for time, at most `max` (default '3650 days'). */
  runToIdle(max?: Duration): Promise<void>;
}

interface Waiting {
  /** Parked workflows whose time has come. */
  readonly due: number;
  /** When the next of the others wakes. */
  readonly next: number | null;
  /** Workflows that these executors run or are to run. */
  readonly mine: number;
}

/** The engine estimates the database's time from its answers. */
const toleranceMs = 5;
const lookMs = 2;

/** An executor whose time it is. */
export interface TimeKeeper {
  readonly running: Running;
  readonly activity: Activity;
}

/** Marks the clock's own question, which is no work of anybody. */
export const clockMark = '/* test clock */';

/** The time of one app, or of several that share a clock. */
export class AppClock implements TestClock {
  readonly #members: () => readonly TimeKeeper[];

  constructor(members: () => readonly TimeKeeper[]) {
    this.#members = members;
  }

  get #clock(): Clock {
    return (this.#members()[0] as TimeKeeper).running.executor.clock;
  }

  now(): Date {
    return new Date(this.#clock.now());
  }

  async advance(by: Duration): Promise<void> {
    const ms = milliseconds(by, 'clock.advance');
    // What was started before may not have come to its wait yet.
    await this.#idle();
    const target = this.#clock.now() + ms;
    await this.#through(target);
    this.#jump(target);
    await this.#through(target + toleranceMs);
  }

  async runToIdle(max: Duration = '3650 days'): Promise<void> {
    const ms = milliseconds(max, 'clock.runToIdle');
    await this.#through(this.#clock.now() + ms);
  }

  /** Jumps to each due time up to the last one. */
  async #through(last: number): Promise<void> {
    for (;;) {
      const next = await this.#idle();
      if (next === undefined || next > last) return;
      this.#jump(next);
    }
  }

  #jump(to: number): void {
    const clock = this.#clock;
    const left = to - clock.now();
    if (left > 0) clock.offsetMs += left;
  }

  /** Resolves when nothing is under way, with the next due time. */
  async #idle(): Promise<number | undefined> {
    for (let quiet = 0; ;) {
      const members = this.#members();
      await turn();
      for (const { running } of members) await running.executor.journal.idle();
      if (members.some(({ running }) => running.executor.stopping)) return undefined;
      if (!members.every(isQuiet)) {
        quiet = 0;
        await pause(lookMs);
        continue;
      }
      const before = versionOf(members);
      const [first] = members as readonly [TimeKeeper];
      const asked = await waiting(members);
      if (asked.due > 0) await first.running.poll.wake();
      const durable = members.reduce((sum, { running }) => sum + running.executor.lifecycle.durable(), 0);
      const settled = asked.due === 0 && asked.mine <= durable && members.every(isQuiet) && versionOf(members) - before <= ownEvents;
      quiet = settled ? quiet + 1 : 0;
      if (quiet < 2) continue;
      const timer = this.#clock.pending()[0]?.dueMs;
      const due = [timer, asked.next ?? undefined].filter((at) => at !== undefined);
      return due.length === 0 ? undefined : Math.min(...due);
    }
  }
}

function isQuiet({ running, activity }: TimeKeeper): boolean {
  return activity.isQuiet(running.executor.lifecycle.running);
}

function versionOf(members: readonly TimeKeeper[]): number {
  return members.reduce((sum, { activity }) => sum + activity.version, 0);
}

async function waiting(members: readonly TimeKeeper[]): Promise<Waiting> {
  const [{ running }] = members as readonly [TimeKeeper];
  const { executor } = running;
  const { workflow } = namesOf(executor.schema);
  const now = `clock_timestamp() + $2 * interval '1 millisecond'`;
  const [result] = await executor.store.connections.system((connection) =>
    connection.fly([
      {
        text: `${clockMark} select count(*) filter (where executor_id is null and wake_at <= ${now})::int as due, count(*) filter (where executor_id = any($1) and wake_at is null)::int as mine,
        (extract(epoch from min(wake_at) filter (where executor_id is null and wake_at > ${now})) * 1000)::float8 as next
        from ${workflow} where status = 'PENDING' and (executor_id is null or executor_id = any($1))`,
        values: [members.map((member) => member.running.executor.id), executor.clock.offsetMs],
      },
    ]),
  );
  return result?.rows[0] as unknown as Waiting;
}

/** Of the question itself: before, written, answered. */
const ownEvents = 3;

function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
