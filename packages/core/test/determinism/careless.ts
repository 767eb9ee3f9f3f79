/** A service whose workflows do what the argument says, in the places where user code runs. */
import nodeCrypto, { randomUUID as uuid } from 'node:crypto';
import { setImmediate as turn, setTimeout as wait } from 'node:timers/promises';
import { Communicator, log, now, random, randomUUID, Service, sleep, Transaction, Workflow } from '@apiary/core';
import makeKnex from 'knex';
import pg from 'pg';

/** Reaches the database beside the engine; ends with the tests. */
export const outside: { connectionString: string; client?: pg.Client } = { connectionString: '' };

async function knexBeside(): Promise<unknown> {
  const knex = makeKnex({ client: 'pg', connection: outside.connectionString });
  try {
    return await knex.select(1);
  } finally {
    await knex.destroy();
  }
}

async function clientBeside(): Promise<unknown> {
  const client = new pg.Client(outside.connectionString);
  await client.connect();
  try {
    return (await client.query('select 1')).rows.length;
  } finally {
    await client.end();
  }
}

async function clientConnected(): Promise<unknown> {
  return (await outside.client?.query('select 1'))?.rows.length;
}

async function poolBeside(): Promise<unknown> {
  const pool = new pg.Pool({ connectionString: outside.connectionString });
  try {
    return (await pool.query('select 1')).rows.length;
  } finally {
    await pool.end();
  }
}

/** As users write it, and what the message says to use. Each gives something where it is not refused. */
export const misuses: Readonly<Record<string, readonly [name: string, instead: string, use: () => unknown]>> = {
  'Date.now()': ['Date.now()', 'now()', () => Date.now()],
  'new Date()': ['new Date()', 'now()', () => new Date().getTime()],
  'Date()': ['new Date()', 'now()', () => Date()],
  'performance.now()': ['performance.now()', 'now()', () => performance.now()],
  'Math.random()': ['Math.random()', 'random()', () => Math.random()],
  'crypto.randomUUID()': ['crypto.randomUUID()', 'randomUUID()', () => crypto.randomUUID()],
  'randomUUID of node:crypto': ['crypto.randomUUID()', 'randomUUID()', () => uuid()],
  'crypto.getRandomValues()': ['crypto.getRandomValues()', 'random(), or draw it in a @Communicator', () => crypto.getRandomValues(new Uint8Array(1)).length],
  'getRandomValues of node:crypto': [
    'crypto.getRandomValues()',
    'random(), or draw it in a @Communicator',
    () => nodeCrypto.getRandomValues(new Uint8Array(1)).length,
  ],
  'randomBytes of node:crypto': ['crypto.randomBytes()', 'random(), or draw it in a @Communicator', () => nodeCrypto.randomBytes(1).length],
  'randomInt of node:crypto': ['crypto.randomInt()', 'random(), or draw it in a @Communicator', () => nodeCrypto.randomInt(1, 5)],
  'fetch()': ['fetch()', 'a @Communicator', () => fetch('data:,x').then(({ status }) => status)],
  'setTimeout()': ['setTimeout()', 'sleep()', () => new Promise((resolve) => setTimeout(resolve, 1, 'rung'))],
  'setInterval()': [
    'setInterval()',
    'sleep()',
    () =>
      new Promise((resolve) => {
        const interval = setInterval(() => (clearInterval(interval), resolve('rung')), 1);
      }),
  ],
  'setImmediate()': ['setImmediate()', 'await a step, or sleep()', () => new Promise((resolve) => setImmediate(resolve, 'rung'))],
  'setTimeout of node:timers/promises': ['setTimeout()', 'sleep()', () => wait(1, 'rung')],
  'setImmediate of node:timers/promises': ['setImmediate()', 'await a step, or sleep()', () => turn('rung')],
  'a Knex of its own': ['a statement to the database', 'a @Transaction', knexBeside],
  'a client of its own': ['a statement to the database', 'a @Transaction', clientBeside],
  'a client that is connected': ['a statement to the database', 'a @Transaction', clientConnected],
  'a pool of its own': ['a statement to the database', 'a @Transaction', poolBeside],
  nothing: ['', '', () => 'nothing'],
};

export function misuse(what: string): unknown {
  const [, , use] = misuses[what] ?? [];
  if (use === undefined) throw new Error(`no such misuse: ${what}`);
  return use();
}

@Service()
export class Careless {
  @Workflow()
  async body(what: string): Promise<string> {
    return String(await misuse(what));
  }
  @Workflow()
  async afterStep(what: string): Promise<string> {
    await this.nothing();
    return String(await misuse(what));
  }
  @Workflow()
  async besideSteps(what: string): Promise<string> {
    const [, found] = await Promise.all([this.nothing(), this.#later(what), this.nothing()]);
    return found;
  }
  @Workflow()
  async inlineChild(what: string): Promise<string> {
    return this.body(what);
  }
  @Workflow()
  async steps(what: string): Promise<string[]> {
    return [await this.transaction(what), await this.communicator(what)];
  }
  /** All that the engine offers instead, and what it does on behalf of a body. */
  @Workflow()
  async careful(): Promise<string> {
    log.info('it begins');
    const values = [now() instanceof Date, typeof random(), randomUUID().length, new Date(0).getTime(), new Date('2026-01-01') instanceof Date];
    await sleep(1);
    await Promise.all([this.nothing(), this.communicator('Date.now()'), this.transaction('new Date()')]);
    await this.afterStep('nothing');
    return values.join(' ');
  }
  /** A body that catches what it was told. */
  @Workflow()
  async catches(what: string): Promise<string> {
    return misuseCaught(what);
  }
  /** Leaves something behind that goes on when the body has ended. */
  @Workflow()
  async leaves(ended: string): Promise<void> {
    left.push(gates[ended]?.then(() => Date.now()) ?? Promise.resolve(0));
  }
  @Transaction()
  async nothing(): Promise<void> {}
  @Transaction()
  async transaction(what: string): Promise<string> {
    return typeof (await misuse(what));
  }
  @Communicator()
  async communicator(what: string): Promise<string> {
    return typeof (await misuse(what));
  }

  async #later(what: string): Promise<string> {
    await this.nothing();
    return String(await misuse(what));
  }
}

export const gates: Record<string, Promise<void>> = {};
export const left: Promise<number>[] = [];

async function misuseCaught(what: string): Promise<string> {
  try {
    return String(await misuse(what));
  } catch (error) {
    return (error as { code?: string }).code ?? String(error);
  }
}
