/** The tables of the service. They are not Apiary's: seats and tickets carry no unique key that would hide a doubled effect. */
import type { Knex } from 'knex';
import { connections } from './flights.js';

/** Seats on sale for each connection. A few connections are booked more often than that and sell out. */
export const seatsOfFlight = 20;

export const tables = `
  create table flight (id text primary key, seats int not null, taken int not null default 0) with (fillfactor = 50);
  create table seat (booking text not null, flight text not null, seat int not null);
  create table ticket (number uuid not null default gen_random_uuid(), booking text not null, flight text not null, charge text not null)`;

/** Run in each launch, under a lock; in one transaction, because a launch may be killed as well. */
export async function createTables(knex: Knex): Promise<void> {
  if (await knex.schema.hasTable('flight')) return;
  await knex.transaction(async (tx) => {
    await tx.raw(tables);
    await tx.raw('insert into flight (id, seats) select id, ? from unnest(?::text[]) id', [seatsOfFlight, connections()]);
  });
}
