/** The workload of the randomized runs: money that moves between accounts, mails that a witness counts, lists that are appended to. */
import { Communicator, idempotencyKey, Procedure, random, Service, sleep, sql, start, Transaction, workflowId, Workflow } from '@apiary/core';
import type { ExpectedPosting } from '../faults/ledger/ledger-invariants.js';
import type { Operation } from '../history/history.js';
import { callWitness } from '../faults/witness.js';

const accounts = sql.id('bank', 'account');
const ledger = sql.id('bank', 'ledger');
const lists = sql.id('bank', 'list');

/** Beside the ledger. */
export const listTable = 'create table bank.list (entry bigint generated always as identity, key integer not null, element text not null)';

@Service()
export class Accounts {
  @Transaction()
  async post(account: number, delta: number, step: string): Promise<number> {
    const { balance } = await sql<{ balance: string }>`update ${accounts} set balance = balance + ${delta} where id = ${account} returning balance`.one();
    await sql`insert into ${ledger} (workflow_id, step, account, delta) values (${workflowId()}, ${step}, ${account}, ${delta})`;
    return Number(balance);
  }

  @Transaction({ isolation: 'read committed' })
  async move(from: number, to: number, amount: number): Promise<string> {
    const id = workflowId();
    // in the order of the accounts, so that two of them do not lock each other out more often than they must
    const sides = [
      [from, -amount],
      [to, amount],
    ].sort(([a = 0], [b = 0]) => a - b);
    for (const [account = 0, delta = 0] of sides) {
      await sql`update ${accounts} set balance = balance + ${delta} where id = ${account}`;
      await sql`insert into ${ledger} (workflow_id, step, account, delta) values (${id}, ${'move'}, ${account}, ${delta})`;
    }
    return id;
  }

  @Transaction({ readOnly: true })
  async balance(account: number): Promise<number> {
    return Number((await sql<{ balance: string }>`select balance from ${accounts} where id = ${account}`.one()).balance);
  }

  @Procedure()
  credit(account: number, delta: number) {
    return sql.batch(
      sql`insert into ${ledger} (workflow_id, step, account, delta) values (${workflowId()}, ${'credit'}, ${account}, ${delta})`,
      sql`update ${accounts} set balance = balance + ${delta} where id = ${account}`.count(),
    );
  }
}

@Service()
export class Mailer {
  @Communicator({ retry: { maxAttempts: 1000, initialInterval: '50 ms', maxInterval: '500 ms' } })
  async receipt(text: string): Promise<string> {
    await callWitness(process.env['APIARY_WITNESS'] ?? '', { key: idempotencyKey(), name: 'Mailer.receipt', detail: text, at: Date.now() });
    return text;
  }
}

@Service()
export class Transfers {
  constructor(
    private readonly accounts: Accounts,
    private readonly mailer: Mailer,
  ) {}

  @Workflow({ maxRecoveries: 1_000_000 })
  async transfer(from: number, to: number, amount: number): Promise<string> {
    const draw = random();
    await this.accounts.balance(from);
    await this.accounts.post(from, -amount, 'debit');
    const mail = await this.mailer.receipt(`${workflowId()} ${draw}`);
    await this.accounts.credit(to, amount);
    return mail;
  }

  @Workflow({ maxRecoveries: 1_000_000 })
  async quick(from: number, to: number, amount: number): Promise<string> {
    return this.accounts.move(from, to, amount);
  }

  /** Nothing but calls outside: what the journal does most of. */
  @Workflow({ maxRecoveries: 1_000_000 })
  async letters(_from: number, _to: number, count: number): Promise<string> {
    let all = '';
    for (let i = 0; i < count; i++) all += await this.mailer.receipt(`${workflowId()} ${i}`);
    return all;
  }

  /** Long enough for others to wait for it. */
  @Workflow({ maxRecoveries: 1_000_000 })
  async slow(from: number, to: number, amount: number): Promise<string> {
    await sleep(Math.floor(random() * 2000) + 200);
    return this.accounts.move(from, to, amount);
  }

  /** A child inline, a child of its own, a pause, two calls under way together. */
  @Workflow({ maxRecoveries: 1_000_000 })
  async family(from: number, to: number, amount: number): Promise<string> {
    const child = await start(Transfers, { workflowId: `${workflowId()}/child` }).quick(from, to, amount);
    await sleep(20);
    const [first, second] = await Promise.all([this.mailer.receipt(`${workflowId()} a`), this.quick(to, from, amount)]);
    return `${first} ${second} ${await child.result()}`;
  }
}

/** Lists that are appended to and read: from what each transaction saw, the order of all can be inferred. */
@Service()
export class Lists {
  @Transaction()
  async touch(keys: readonly number[], element: string): Promise<Operation[]> {
    const seen: Operation[] = [];
    for (const key of keys) {
      const rows = await sql<{ element: string }>`select element from ${lists} where key = ${key} order by entry`;
      seen.push({ kind: 'read', key, values: rows.map((row) => row.element) });
    }
    const key = keys[0] ?? 0;
    await sql`insert into ${lists} (key, element) values (${key}, ${element})`;
    return [...seen, { kind: 'append', key, value: element }];
  }

  @Workflow({ maxRecoveries: 1_000_000 })
  async lists(a: number, b: number): Promise<Operation[][]> {
    const id = workflowId();
    const first = await this.touch([a % 5, b % 5], `${id}#0#1`);
    return [first, await this.touch([b % 5, a % 5], `${id}#1#1`)];
  }
}

export const kinds = ['transfer', 'quick', 'family', 'direct'] as const;
export type Kind = (typeof kinds)[number] | 'letters' | 'lists' | 'slow';
export interface Job {
  readonly id: string;
  readonly kind: Kind;
  readonly from: number;
  readonly to: number;
  readonly amount: number;
}

/** What a job that has ended in SUCCESS has written to the ledger, once. */
export function postingsOf({ id, kind, from, to, amount }: Job): ExpectedPosting[] {
  const moved = (workflow: string, a: number, b: number): ExpectedPosting => ({
    workflowId: workflow,
    step: 'move',
    entries: [
      { account: a, delta: -amount },
      { account: b, delta: amount },
    ],
  });
  if (kind === 'letters' || kind === 'lists') return [];
  if (kind === 'transfer')
    return [
      { workflowId: id, step: 'debit', entries: [{ account: from, delta: -amount }] },
      { workflowId: id, step: 'credit', entries: [{ account: to, delta: amount }] },
    ];
  if (kind === 'family') return [moved(`${id}/child`, from, to), moved(`${id}-3`, to, from)];
  return [moved(id, from, to)];
}
