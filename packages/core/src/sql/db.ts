/** The current transaction as Knex. A stand-in, so that one `db` serves all transactions and fits what takes `Knex` or `Knex.Transaction`. */
import { raise } from '@apiary/decorators/internal';
import type { Knex } from 'knex';
import { context } from '../context.js';
import { plain } from '../plain.js';
import type { AmbientTransaction } from './types.js';

function current(call: string): Knex.Transaction {
  return context.getStore()?.transaction?.db ?? (plain.getStore()?.knex as Knex.Transaction | undefined) ?? raise('NO_TRANSACTION', { call });
}

/** What others may look at without meaning to use it: promises ask for `then`, inspection for symbols. */
function isOnlyLooking(property: string | symbol): boolean {
  return typeof property === 'symbol' || property === 'then' || property === 'toJSON' || property === 'constructor' || property === 'prototype';
}

const handler: ProxyHandler<Knex.Transaction> = {
  apply: (_target, _self, args) => Reflect.apply(current('db') as never, undefined, args) as unknown,
  get: (target, property) => {
    if (isOnlyLooking(property)) return Reflect.get(target, property) as unknown;
    return Reflect.get(current(`db.${String(property)}`), property) as unknown;
  },
  set: (_target, property, value) => Reflect.set(current(`db.${String(property)}`), property, value),
  // Knex asks whether a transaction is empty before it takes it.
  has: (target, property) => Reflect.has(lookedAt(target), property),
  ownKeys: (target) => Reflect.ownKeys(lookedAt(target)),
  getOwnPropertyDescriptor: (target, property) => {
    const found = Reflect.getOwnPropertyDescriptor(lookedAt(target), property);
    return found === undefined ? undefined : { ...found, configurable: true };
  },
};

function lookedAt(target: Knex.Transaction): Knex.Transaction {
  return context.getStore()?.transaction?.db ?? target;
}

/** The current transaction as Knex, so it fits helpers that take `Knex` or `Knex.Transaction`; outside a @Transaction its use is NO_TRANSACTION. */
export const db: AmbientTransaction = new Proxy((() => {}) as unknown as Knex.Transaction, handler) as AmbientTransaction;
