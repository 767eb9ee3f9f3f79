/** One schedule: several executors on one database do `act` at the same time, while what was decided happens to them; then all is judged. */
import type { Config } from '@apiary/core';
import { Clock, type FlightPoint } from '@apiary/core/internal';
import { readRaw } from '../crashes/canonical-state.js';
import { countUnfinished } from '../crashes/unfinished.js';
import { until } from '../faults/until.js';
import { TcpProxy } from '../faults/tcp/tcp-proxy.js';
import { Admin } from '../kit/admin.js';
import { Kit } from '../kit/kit.js';
import { kitOptions, testAppOf, type TestApp } from '../kit/test-app.js';
import { AppClock } from '../kit/test-clock.js';
import { isWork } from '../scenario/boundaries.js';
import type { Definition } from '../scenario/scenario.js';
import type { Decision } from './decision.js';
import { Faults, type Happened } from './faults.js';
import { Order } from './order.js';
import { effectsWithoutRecord } from './watch.js';

export interface ScheduleResult {
  readonly faults: readonly Happened[];
  /** What was wrong, in words; none if nothing was. */
  readonly problems: readonly string[];
  readonly error: unknown;
}

/** Quick to supersede, slow enough for a machine that does other things too. */
const rhythm = { version: 'scenario', log: { level: 'silent' }, lease: '1 second', poll: '50 ms' } as const;
const patienceMs = 30_000;
/** While faults happen a client asks again as often as it takes; then they are over. */
const longestFaultsMs = 15_000;
const mostActs = 3;
const pauseMs = 10;

/** The time of all executors of a schedule: it ends with the schedule, and not with one of them. */
class CommonClock extends Clock {
  override close(): void {}

  end(): void {
    super.close();
  }
}

interface Player {
  readonly proxy: TcpProxy;
  readonly kit: Kit;
  readonly app: TestApp;
}

export class Schedule implements AsyncDisposable {
  readonly #definition: Definition;
  readonly #database: string;
  readonly #admin: Admin;
  readonly #clock = new CommonClock();
  readonly #players: Player[] = [];
  #answered = 0;
  #faultsEnded = false;
  #actMovesTime = false;
  #over = false;

  private constructor(definition: Definition, database: string) {
    this.#definition = definition;
    this.#database = database;
    this.#admin = new Admin(database);
  }

  /** @param database as the migrations left it, watched */
  static async open(definition: Definition, database: string, executors: number): Promise<Schedule> {
    const schedule = new Schedule(definition, database);
    try {
      for (let n = 0; n < executors; n++) await schedule.#join();
      return schedule;
    } catch (error) {
      await schedule[Symbol.asyncDispose]();
      throw error;
    }
  }

  async #join(): Promise<void> {
    const { hostname, port } = new URL(this.#database);
    const proxy = await TcpProxy.start({ target: { host: hostname, port: Number(port === '' ? 5432 : port) } });
    const through = proxy.connectionString(this.#database);
    const { config, ...others } = kitOptions(this.#definition.config, { connectionString: through, drop: async () => {} });
    const { version = rhythm.version } = this.#definition.config;
    const kit = new Kit({
      ...others,
      config: { ...config, ...rhythm, version } as Config,
      clock: this.#clock,
      probe: (point, detail) => {
        if (point === 'flight:answered' && isWork((detail as FlightPoint).statements.map(({ text }) => text))) this.#answered++;
      },
    });
    await kit.launch();
    const app = testAppOf(kit, through);
    const clock = new AppClock(() => this.#kits);
    const note = (): void => void (this.#actMovesTime = true);
    Object.assign(app, {
      clock: {
        now: () => clock.now(),
        advance: (by: never) => (note(), clock.advance(by)),
        runToIdle: (max: never) => (note(), clock.runToIdle(max)),
      },
    });
    this.#players.push({ proxy, kit, app });
  }

  get #kits(): readonly Kit[] {
    return this.#players.map(({ kit }) => kit);
  }

  /** @param order whose writes come first is drawn from this seed */
  async run(decisions: readonly Decision[], order: number): Promise<ScheduleResult> {
    const [{ app }] = this.#players as [Player];
    await this.#definition.arrange(app);
    this.#actMovesTime = false;
    for (const { kit } of this.#players) kit.usedKnex = false;
    const players = this.#players.map(({ proxy, kit }) => ({ proxy, running: kit.running }));
    const faults = new Faults({ decisions, players, admin: this.#admin, database: this.#database, answered: () => this.#answered });
    await faults.start();
    const ordered = new Order(
      order,
      players.map(({ proxy }) => proxy),
      () => this.#answered,
    );
    const moving = this.#moveTime();
    const acts = Promise.all(this.#players.map((player) => this.#act(player.app)));
    acts.catch(() => {});
    const late = new Promise<void>((resolve) => setTimeout(resolve, longestFaultsMs).unref());
    await Promise.race([acts.catch(() => {}), late]);
    await ordered.end();
    const happened = await faults.end();
    this.#faultsEnded = true;
    const { problems, error } = await this.#judge(acts);
    this.#over = true;
    await moving;
    return { faults: happened, problems, error };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#over = true;
    await Promise.all(this.#players.map(({ app }) => app[Symbol.asyncDispose]().catch(() => {})));
    for (const { proxy } of this.#players) await proxy.stop();
    this.#clock.end();
    this.#admin.close();
  }

  /** A client asks again and again while things happen, and then a few times more. */
  async #act(app: TestApp): Promise<void> {
    for (let left = mostActs; !this.#over;) {
      const begunLate = this.#faultsEnded;
      try {
        await this.#definition.act(app);
        return;
      } catch (error) {
        if (begunLate && --left === 0) throw new Error(`act threw ${toldOf(error)}`, { cause: error });
        await pause();
      }
    }
  }

  async #moveTime(): Promise<void> {
    const clock = new AppClock(() => this.#kits);
    while (!this.#over) {
      if (!this.#actMovesTime || this.#faultsEnded) await Promise.race([clock.runToIdle().catch(() => {}), this.#isOver()]);
      await pause();
    }
  }

  async #isOver(): Promise<void> {
    while (!this.#over) await pause();
  }

  async #judge(acts: Promise<unknown>): Promise<Pick<ScheduleResult, 'problems' | 'error'>> {
    const { schema = 'apiary' } = this.#definition.config;
    const [{ app }] = this.#players as [Player];
    const problems: string[] = [];
    let cause: unknown;
    const failed = (what: string, error: unknown): void => {
      problems.push(`${what}${toldOf(error)}`);
      cause ??= error;
    };
    await within(acts).catch((error: unknown) => failed('', error));
    await until('no workflow is left unfinished', async () => (await countUnfinished(schema, this.#database)) === 0 && this.#isIdle(), {
      within: patienceMs,
    }).catch((error: unknown) => failed('stuck: ', error));
    const { violations } = await readRaw(this.#database, schema, []);
    problems.push(...violations);
    // What act writes by itself is in no record.
    if (!this.#kits.some((kit) => kit.usedKnex)) problems.push(...(await this.#admin.use((client) => effectsWithoutRecord(client, schema))));
    await this.#definition.assert(app).catch((error: unknown) => failed('assert threw ', error));
    return { problems, error: cause };
  }

  #isIdle(): boolean {
    return this.#kits.every(({ running: { executor } }) => executor.active === 0 && executor.lifecycle.running.size === 0);
  }
}

function within<T>(work: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error('stuck: act has no answer, though nothing happens any more')), patienceMs);
    work.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}

function toldOf(error: unknown): string {
  return error instanceof Error ? `${error.name}: ${error.message}` : String(error);
}

function pause(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, pauseMs));
}
