/** Functions of the drivers by which code that is not ours reaches a database. */
import knex from 'knex';
import pg from 'pg';

export function senders(): readonly { readonly holder: object; readonly key: string }[] {
  return [
    // Knex asks its pool, which looks at the clock, before it asks the driver.
    { holder: knex.Client.prototype as object, key: 'acquireConnection' },
    { holder: pg.Client.prototype, key: 'connect' },
    { holder: pg.Client.prototype, key: 'query' },
    { holder: pg.Pool.prototype, key: 'connect' },
    { holder: pg.Pool.prototype, key: 'query' },
  ];
}
