/** Makes the decisions of a schedule happen, and tells which did. */
import { inputHash, namesOf, type Running } from '@apiary/core/internal';
import pg from 'pg';
import { letter, type Rule } from '../faults/tcp/rule.js';
import type { RuleHandle } from '../faults/tcp/rule-handle.js';
import type { TcpProxy } from '../faults/tcp/tcp-proxy.js';
import type { Admin } from '../kit/admin.js';
import { isWork } from '../scenario/boundaries.js';
import { wordsOf, type Decision } from './decision.js';
import { endConflicts, startWatch } from './watch.js';

export interface Happened {
  readonly decision: Decision;
  readonly words: string;
  /** It is proved to have happened: the work may end before. */
  readonly happened: boolean;
}

export interface Player {
  readonly proxy: TcpProxy;
  readonly running: Running;
}

const lookMs = 5;
/** What is kept back waits no longer for others, which may wait for it. */
const longestHoldMs = 150;
const longestPauseMs = 4000;
const lateMs = [20, 80] as const;
const mostRepeats = 50;

export interface FaultsOptions {
  readonly decisions: readonly Decision[];
  readonly players: readonly Player[];
  readonly admin: Admin;
  readonly database: string;
  /** How many writes of anybody were answered so far. */
  readonly answered: () => number;
}

export class Faults {
  readonly #decisions: readonly Decision[];
  readonly #players: readonly Player[];
  readonly #admin: Admin;
  readonly #database: string;
  readonly #handles = new Map<Decision, RuleHandle>();
  readonly #proved = new Set<Decision>();
  readonly #answered: () => number;
  #ended = false;
  #repeater: pg.Client | undefined;

  constructor({ decisions, players, admin, database, answered }: FaultsOptions) {
    this.#decisions = decisions;
    this.#players = players;
    this.#admin = admin;
    this.#database = database;
    this.#answered = answered;
  }

  async start(): Promise<void> {
    await this.#admin.use((client) => startWatch(client, this.#decisions));
    const paused = new Set<number>();
    for (const decision of this.#decisions) {
      if (decision.kind === 'conflict') continue;
      // Who stands still cannot begin to stand still.
      if (decision.kind === 'pause' && paused.has(decision.executor)) continue;
      if (decision.kind === 'pause') paused.add(decision.executor);
      const { proxy, running } = this.#players[decision.executor - 1] as Player;
      if (decision.kind === 'notifications') await this.#notifications(decision, proxy, running);
      else this.#atWrite(decision, proxy, running);
    }
  }

  /** From now on nothing happens any more. */
  async end(): Promise<readonly Happened[]> {
    this.#ended = true;
    const raised = await this.#admin.use(endConflicts);
    for (const { proxy } of this.#players) await proxy.heal();
    await this.#repeater?.end();
    const conflicts = this.#decisions.filter((decision) => decision.kind === 'conflict').sort((a, b) => a.row - b.row);
    for (const decision of conflicts.slice(0, raised)) this.#proved.add(decision);
    return this.#decisions.map((decision) => ({
      decision,
      words: wordsOf(decision),
      happened: this.#proved.has(decision) || (decision.kind !== 'pause' && (this.#handles.get(decision)?.hits.length ?? 0) > 0),
    }));
  }

  #atWrite(decision: Exclude<Decision, { kind: 'conflict' | 'notifications' }>, proxy: TcpProxy, running: Running): void {
    const rule: Pick<Extract<Rule, { on: 'request' }>, 'on' | 'is' | 'skip'> = {
      on: 'request',
      is: ({ statements }) => statements.length > 0 && isWork(statements),
      skip: decision.write - 1,
    };
    switch (decision.kind) {
      case 'cut':
        this.#handles.set(decision, proxy.add({ ...rule, fault: { kind: 'cut', at: decision.at } }));
        return;
      case 'lost answer':
        this.#handles.set(decision, proxy.add({ ...rule, fault: { kind: 'lose answer' } }));
        return;
      case 'late write':
      case 'late answer': {
        const handle = proxy.add({ ...rule, fault: { kind: decision.kind === 'late write' ? 'hold request' : 'hold answer' } });
        this.#handles.set(decision, handle);
        void handle.hit.then(() => this.#letGoBehind(handle, decision.behind));
        return;
      }
      case 'pause': {
        const first = proxy.add({ ...rule, fault: { kind: 'hold request' } });
        this.#handles.set(decision, first);
        void first.hit.then(() => this.#pause(decision, proxy, running, first));
      }
    }
  }

  async #letGoBehind(handle: RuleHandle, behind: number): Promise<void> {
    const [from, begun] = [this.#answered(), performance.now()];
    await this.#until(() => this.#answered() - from >= behind || performance.now() - begun > longestHoldMs);
    handle.release();
  }

  /** Its lease runs out meanwhile, as that of a process that is not scheduled. */
  async #pause(decision: Decision, proxy: TcpProxy, { executor }: Running, first: RuleHandle): Promise<void> {
    const { id } = executor;
    const all = proxy.add({ on: 'request', is: () => true, times: Number.POSITIVE_INFINITY, fault: { kind: 'hold request' } });
    const begun = performance.now();
    const { executor: table } = namesOf(executor.schema);
    let fenced = false;
    while (!this.#ended && !fenced && performance.now() - begun < longestPauseMs) {
      const { rows } = await this.#admin.use((client) => client.query<{ over: boolean }>(`select settled as over from ${table} where executor_id = $1`, [id]));
      fenced = rows[0]?.over === true;
      await pause();
    }
    if (fenced) this.#proved.add(decision);
    first.remove();
    all.remove();
  }

  async #notifications(decision: Extract<Decision, { kind: 'notifications' }>, proxy: TcpProxy, { executor }: Running): Promise<void> {
    if (decision.how !== 'repeated') {
      const fault = decision.how === 'lost' ? ({ kind: 'drop' } as const) : ({ kind: 'delay', ms: lateMs } as const);
      this.#handles.set(decision, proxy.add({ on: 'answer', is: letter('A'), times: Number.POSITIVE_INFINITY, fault }));
      return;
    }
    const channel = `apiary_${inputHash(executor.schema).slice(0, 24)}`;
    const repeater = (this.#repeater ??= await listener(this.#database));
    let repeats = 0;
    repeater.on('notification', ({ payload = '' }) => {
      if (this.#ended || repeats++ >= mostRepeats) return;
      this.#proved.add(decision);
      this.#admin.use((client) => client.query('select pg_notify($1, $2)', [channel, payload])).catch(() => {});
    });
    await repeater.query(`listen ${channel}`);
  }

  async #until(condition: () => boolean): Promise<void> {
    while (!this.#ended && !condition()) await pause();
  }
}

async function listener(connectionString: string): Promise<pg.Client> {
  const client = new pg.Client({ connectionString });
  client.on('error', () => {});
  await client.connect();
  return client;
}

function pause(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, lookMs));
}
