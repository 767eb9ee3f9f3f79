/** A service for the examples of the runners. */
import { Service, sql, Transaction, Workflow } from '@apiary/core';
import type { Knex } from 'knex';

export const migrations = async (knex: Knex): Promise<void> => {
  await knex.schema.createTable('counter', (t) => {
    t.text('name').primary();
    t.integer('value').notNullable();
  });
};

@Service()
export class Counter {
  @Transaction()
  async add(name: string, by: number): Promise<number> {
    const { value } = await sql<{ value: number }>`
      insert into counter values (${name}, ${by}) on conflict (name) do update set value = counter.value + excluded.value returning value`.one();
    return value;
  }

  @Workflow()
  async addTwice(name: string, by: number): Promise<number> {
    await this.add(name, by);
    return this.add(name, by);
  }
}
