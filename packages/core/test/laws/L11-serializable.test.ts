import { Procedure, Service, Transaction, Workflow, sql } from '@apiary/core';
import { asAdmin, launchApp, type LaunchedApp } from '@apiary/testing/internal';
import { expect } from 'chai';
import type { Knex } from 'knex';

/** Rows this far apart share no page of the table and no leaf of its index. */
const apart = 500;
const count = 480;

@Service()
class Bank {
  @Transaction()
  async move(id: number): Promise<number> {
    const { balance } = await sql<{ balance: number }>`select balance from big where id = ${id}`.one();
    await sql`update big set balance = ${balance + 1} where id = ${id}`;
    return balance + 1;
  }
  @Procedure()
  put(id: number) {
    return sql<{ balance: number }>`update big set balance = balance + 1 where id = ${id} returning balance`.one();
  }
  @Transaction({ isolation: 'repeatable read' })
  async moveRepeatable(id: number): Promise<number> {
    return (await sql<{ balance: number }>`update big set balance = balance + 1 where id = ${id} returning balance`.one()).balance;
  }
}

@Service()
class Flows {
  constructor(private readonly bank: Bank) {}
  @Workflow()
  async once(id: number): Promise<number> {
    return this.bank.move(id);
  }
  @Workflow()
  async twice(one: number, two: number): Promise<number> {
    return (await this.bank.move(one)) + (await this.bank.move(two));
  }
}

async function bigTable(knex: Knex): Promise<void> {
  await knex.raw(
    `create table big (id int primary key, balance int not null, filler text not null default 'xxxxxxxxxxxxxxxx') with (autovacuum_enabled = off)`,
  );
  await knex.raw(`insert into big (id, balance) select g, 0 from generate_series(1, ${apart * count}) g`);
  await knex.raw('analyze big');
}

/** Writes down, for each transaction that touches the engine's tables, how it runs. */
const watched = `
  create table public.settings_seen (relation text, isolation text, durable text);
  create function public.see_settings() returns trigger language plpgsql as $$ begin
    insert into public.settings_seen values (tg_table_name, current_setting('transaction_isolation'), current_setting('synchronous_commit'));
    return null; end $$;
  create trigger seen after insert or update on apiary.workflow_status for each statement execute function public.see_settings();
  create trigger seen after insert on apiary.function_record for each statement execute function public.see_settings();`;

describe("L11: serializable transactions of users and the engine's tables", function () {
  this.timeout(120_000);
  let launched: LaunchedApp;
  let retries = 0;
  let voided = 0;
  before(async () => {
    launched = await launchApp(
      { services: [Flows], pool: { size: 24 }, migrations: bigTable, lease: '20 seconds', poll: '5 seconds' },
      {
        probe: (point, detail) => {
          if (point === 'step:before' && (detail as { attempt: number }).attempt > 1) retries++;
          if (point === 'run:void') voided++;
        },
      },
    );
  });
  after(() => launched.close());

  const ids = Array.from({ length: count }, (_, i) => 1 + i * apart);
  const forms: Record<string, () => Promise<unknown>[]> = {
    'direct calls': () => ids.map((id) => launched.app.get(Bank).move(id)),
    'direct calls with explicit ids': () =>
      ids.map((id) =>
        launched.app
          .start(Bank, { workflowId: `direct ${id}` })
          .move(id)
          .result(),
      ),
    procedures: () => ids.map((id) => launched.app.get(Bank).put(id) as Promise<unknown>),
    'workflows of one transaction': () => ids.map((id) => launched.app.get(Flows).once(id)),
    'workflows of two transactions, the outcome in the second commit': () =>
      ids.slice(0, count / 2).map((id, i) => launched.app.get(Flows).twice(id, ids[count - 1 - i] as number)),
    'procedures whose row exists': () => ids.map(async (id) => (await launched.app.start(Bank, { workflowId: `put ${id}` }).put(id)).result()),
    'durable starts with explicit ids': () =>
      ids.slice(0, count / 2).map(async (id, i) => {
        const handle = await launched.app.start(Flows, { workflowId: `twice ${id}` }).twice(id, ids[count - 1 - i] as number);
        return handle.result();
      }),
  };
  for (const [form, calls] of Object.entries(forms)) {
    it(`L11: ${count} concurrent serializable transactions on disjoint rows of a big table have no retries: ${form}`, async () => {
      retries = voided = 0;
      const [before] = (await launched.app.knex.raw('select sum(balance)::int as sum from big')).rows;
      await Promise.all(calls());
      expect({ retries, voided }).to.deep.equal({ retries: 0, voided: 0 });
      const [after] = (await launched.app.knex.raw('select sum(balance)::int as sum from big')).rows;
      expect(after.sum - before.sum).to.equal(count);
    });
  }
});

describe('INTERLEAVING 21: hostile defaults of the server', function () {
  this.timeout(60_000);

  it('L11, INTERLEAVING 21: default_transaction_isolation = serializable and synchronous_commit = off change nothing of the engine', async () => {
    const launched = await launchApp({
      services: [Flows],
      migrations: async (knex) => {
        await knex.raw(
          'create table if not exists big (id int primary key, balance int); insert into big select g, 0 from generate_series(1, 50) g on conflict do nothing',
        );
      },
    });
    try {
      const { connectionString, name } = launched.database;
      await asAdmin(connectionString, watched);
      await asAdmin(connectionString, `alter database ${name} set default_transaction_isolation = 'serializable'`);
      await asAdmin(connectionString, `alter database ${name} set synchronous_commit = 'off'`);
      await asAdmin(connectionString, `alter database ${name} set default_transaction_read_only = 'off'`);
      const app = await launched.another();
      const defaults = await app.knex.raw(
        `select s.setconfig from pg_db_role_setting s join pg_database d on d.oid = s.setdatabase where d.datname = current_database()`,
      );
      expect(defaults.rows[0].setconfig).to.include.members(['default_transaction_isolation=serializable', 'synchronous_commit=off']);
      const flows = app.get(Flows);
      await Promise.all([1, 2, 3].map((id) => flows.twice(id, id + 10)));
      await app.get(Bank).move(20);
      await app.get(Bank).moveRepeatable(21);
      await app.get(Bank).put(22);
      const handle = await app.start(Flows, { workflowId: 'started' }).twice(30, 31);
      await handle.result();
      await app.cancel({ workflowId: 'started' });
      const { rows } = await app.knex.raw(
        'select relation, isolation, durable, count(*)::int as n from public.settings_seen group by 1, 2, 3 order by 1, 2, 3',
      );
      expect(
        rows.every((row: { durable: string }) => row.durable === 'on'),
        JSON.stringify(rows),
      ).to.equal(true);
      const isolations = new Set(rows.map((row: { isolation: string }) => row.isolation));
      // The user's own at what they asked for, the journal's at READ COMMITTED.
      expect([...isolations].sort()).to.deep.equal(['read committed', 'repeatable read', 'serializable']);
      expect(
        rows.some((row: { relation: string; isolation: string }) => row.relation === 'workflow_status' && row.isolation === 'read committed'),
        'the durable start',
      ).to.equal(true);
    } finally {
      await launched.close();
    }
  });
});
