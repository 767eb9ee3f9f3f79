/** Workflows whose histories the tests of the replay check use: every kind of step, and every way to end. */
import { Communicator, handleOf, Inject, now, Procedure, random, randomUUID, Service, sleep, sql, start, token, Transaction, Workflow } from '@apiary/core';
import type { Knex } from 'knex';

export const migrations = async (knex: Knex): Promise<void> => {
  await knex.schema.createTable('note', (t) => {
    t.increments('id').primary();
    t.text('text').notNullable();
  });
};

export interface Gateway {
  send(text: string): Promise<string>;
}
export const GATEWAY = token<Gateway>('GATEWAY');

@Service()
export class Notes {
  @Transaction()
  async add(text: string): Promise<number> {
    return (await sql<{ id: number }>`insert into note (text) values (${text}) returning id`.one()).id;
  }
  @Procedure()
  addFast(text: string) {
    return sql<{ id: number }>`insert into note (text) values (${text}) returning id`.one();
  }
  @Transaction({ readOnly: true })
  async count(): Promise<number> {
    return (await sql<{ n: number }>`select count(*)::int as n from note`.one()).n;
  }
  @Transaction()
  async fail(): Promise<void> {
    throw new Error('the note is not accepted');
  }
}

@Service()
export class Mails {
  readonly #address: string;
  constructor(@Inject(GATEWAY) private readonly gateway: Gateway) {
    this.#address = String((gateway as { address?: string }).address);
  }
  @Communicator()
  async send(text: string): Promise<string> {
    return this.gateway.send(`${this.#address} ${text}`);
  }
}

@Service()
export class Journeys {
  constructor(
    private readonly notes: Notes,
    private readonly mails: Mails,
  ) {}

  @Workflow()
  async all(name: string): Promise<string> {
    const at = now();
    const id = randomUUID();
    await this.notes.add(`${name} at ${at.getTime()} ${id} ${random()}`);
    await this.notes.addFast(name);
    const sent = await this.mails.send(name);
    await Promise.all([this.notes.add('left'), this.notes.count(), this.mails.send('right')]);
    await this.notes.fail().catch(() => {});
    const parent = await this.child(name);
    const child = await start(Journeys).child(`${name} apart`);
    await child.result();
    await handleOf(child.workflowId).status();
    await sleep('30 days');
    return `${sent} ${parent}`;
  }

  @Workflow()
  async child(name: string): Promise<number> {
    return this.notes.add(`child of ${name}`);
  }

  @Workflow()
  async fails(): Promise<void> {
    await this.notes.add('before');
    throw new TypeError('out of stock');
  }

  /** A call that is refused has a number and no record. */
  @Workflow()
  async refused(): Promise<string> {
    const refusal: unknown = await this.notes.add((() => {}) as never).catch((error: unknown) => error);
    await this.notes.add('after');
    return (refusal as { code: string }).code;
  }

  /** What the body calls third depends on which of two was delivered first. */
  @Workflow()
  async beside(): Promise<void> {
    const told = this.mails.send('one').then(() => this.notes.add('after one'));
    const noted = this.notes.add('other').then(() => this.notes.count());
    await Promise.all([told, noted]);
  }

  /** A start that is refused only when it is tried, which nothing records. */
  @Workflow()
  async collides(): Promise<string> {
    const refusal: unknown = await start(Journeys, { workflowId: 'fails' })
      .child('x')
      .catch((error: unknown) => error);
    await this.notes.add('after');
    return (refusal as { code: string }).code;
  }

  @Workflow()
  async waits(): Promise<void> {
    await this.notes.add('before');
    await sleep('1 day');
    await this.mails.send('after');
  }
}
