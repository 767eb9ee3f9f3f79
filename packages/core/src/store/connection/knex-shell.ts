/**
 * Knex over our connections. One Knex transaction object, the shell, is made for each physical connection and kept: making one costs more
 * than the statements of a small transaction. What it sends goes to the `UserTransaction` that has leased it, and only out of that
 * transaction's async context, so a `db` kept from an earlier transaction cannot write into a later one (DESIGN 4.8).
 */
import { apiaryError } from '@apiary/decorators/internal';
import type { Knex } from 'knex';
import { context } from '../../context.js';
import type { Connection } from './connection.js';
import { Facade } from './facade.js';
import { transactionClient } from './knex-client.js';
import type { KnexClient, KnexTransaction } from './knex-internals.js';
import type { UserTransaction } from './transaction.js';

const refuse = (name: string) => (): never => {
  throw apiaryError(
    'FORBIDDEN_CALL',
    { caller: 'a @Transaction', callee: `db.${name}` },
    {
      message:
        name === 'commit' ? 'db.commit is not yours to call: Apiary commits when the method returns' : 'db.rollback is not yours to call: to roll back, throw',
    },
  );
};

export class KnexShell {
  readonly knex: Knex.Transaction;
  readonly #facade: Facade;
  #nested = 0;
  #discarded: () => void;

  private constructor(facade: Facade, knex: Knex.Transaction, discarded: () => void) {
    this.#facade = facade;
    this.knex = knex;
    this.#discarded = discarded;
  }

  /** Makes the shell of a connection that came from this Knex. */
  static open(connection: Connection, knexClient: KnexClient): Promise<void> {
    // The promises of the shell never settle: they would keep the run in memory that was current when it was made.
    return context.run(undefined as never, () => KnexShell.#open(connection, knexClient));
  }

  static async #open(connection: Connection, knexClient: KnexClient): Promise<void> {
    const facade = new Facade(connection);
    const { client, started } = transactionClient(knexClient);
    const shell = await new Promise<KnexShell>((resolve, reject) => {
      const root = client.transaction(
        (knex) => {
          const made = new KnexShell(facade, knex, () => (connection.shell = undefined));
          // Nested transactions of the shell are counted: one that never ends would block all later ones.
          started.set(root, (nested) => made.#watch(nested));
          resolve(made);
        },
        { connection: facade, userParams: {}, doNotRejectOnRollback: true },
      );
      root.catch(reject);
    });
    facade.opening = false;
    Object.assign(shell.knex, { commit: refuse('commit'), rollback: refuse('rollback') });
    connection.shell = shell;
  }

  #watch(nested: KnexTransaction): void {
    this.#nested++;
    const over = (): void => {
      this.#nested--;
    };
    nested.then(over, over);
  }

  lease(transaction: UserTransaction): void {
    this.#facade.transaction = transaction;
  }

  /** A nested transaction has not ended. */
  unfinished(transaction: UserTransaction): boolean {
    return this.#facade.transaction === transaction && this.#nested > 0;
  }

  end(transaction: UserTransaction): void {
    if (this.#facade.transaction !== transaction) return;
    this.#facade.transaction = undefined;
    if (this.#nested > 0) this.#discarded();
  }
}
