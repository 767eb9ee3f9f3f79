/** All that is made anew in each run, and is no difference. */
import { randomUUID } from 'node:crypto';
import { Communicator, now, Service, sleep, sql, Transaction, Workflow } from '@apiary/core';
import type { Knex } from 'knex';

export const tables = async (knex: Knex): Promise<void> => {
  await knex.raw(
    'create table ticket (id bigint generated always as identity, code uuid not null default gen_random_uuid(), at timestamptz not null default now(), note text)',
  );
};

@Service()
export class Tickets {
  @Transaction()
  async issue(note: string): Promise<{ id: string; code: string; at: Date }> {
    return sql<{ id: string; code: string; at: Date }>`insert into ticket (note) values (${note}) returning id, code, at`.one();
  }

  @Communicator()
  async ask(): Promise<string> {
    return `answer ${randomUUID()}`;
  }

  @Workflow()
  async book(): Promise<unknown> {
    const answer = await this.ask();
    const ticket = await this.issue(`${answer} at ${now().getTime()}`);
    return ticket;
  }

  @Workflow()
  async rest(): Promise<void> {
    await sleep('30 days');
  }
}
