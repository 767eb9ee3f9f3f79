import {
  assertHolds,
  checkAcknowledged,
  checkAllEnded,
  checkBalances,
  checkEffectsRecorded,
  checkEpochs,
  checkLedger,
  checkPostings,
  checkRecordsEffective,
  checkResults,
  checkTransitions,
  checkWitnessed,
  createLedger,
  installAudit,
  postingTexts,
  type ClientKnowledge,
  type ExpectedPosting,
  type Violation,
  type WitnessRecord,
} from '@apiary/testing/internal';
import { expect } from 'chai';
import type pg from 'pg';
import { connect, freshDatabase } from './support/server.js';
import { createEngineTables, inTransaction, TinyEngine } from './support/engine-tables.js';

const writing = ['Bank.post'];
const names = (violations: readonly Violation[]): string[] => violations.map(({ invariant }) => invariant);

describe('the invariants of the bank ledger', () => {
  let url: string;
  let client: pg.Client;
  let engine: TinyEngine;
  const { update, insert } = postingTexts();

  before(async () => {
    url = await freshDatabase();
  });
  beforeEach(async () => {
    client = await connect(url);
    await client.query('drop schema if exists bank cascade');
    await createEngineTables(client);
    await createLedger(client, { accounts: 4, balance: 100 });
    await installAudit(client, 'apiary');
    engine = new TinyEngine(client);
  });

  const post = async (id: string, step: string, account: number, delta: number): Promise<void> => {
    await client.query(update, [account, delta]);
    await client.query(insert, [id, step, account, delta]);
  };
  const transfer = (id: string): ExpectedPosting[] => [
    { workflowId: id, step: 'from', entries: [{ account: 1, delta: -5 }] },
    { workflowId: id, step: 'to', entries: [{ account: 2, delta: 5 }] },
  ];
  /** A transfer as the engine does it: each step's effects and record in one commit. */
  const run = async (id: string): Promise<void> => {
    await inTransaction(client, async () => {
      await post(id, 'from', 1, -5);
      await engine.start(id);
      await engine.record(id, '0');
    });
    await inTransaction(client, async () => {
      await post(id, 'to', 2, 5);
      await engine.record(id, '1');
      await engine.change(id, { status: 'SUCCESS', output: '7' });
    });
  };

  it('hold for a right history', async () => {
    await run('w1');
    await run('w2');
    await inTransaction(client, async () => {
      await post('direct', 'both', 3, -1);
      await post('direct', 'both', 4, 1);
      await engine.start('direct', { name: 'Bank.post', kind: 'transaction', status: 'SUCCESS' });
    });
    await engine.start('failed', { name: 'Bank.post', kind: 'transaction', status: 'ERROR' });
    const expected = [
      ...transfer('w1'),
      ...transfer('w2'),
      {
        workflowId: 'direct',
        step: 'both',
        entries: [
          { account: 3, delta: -1 },
          { account: 4, delta: 1 },
        ],
      },
    ];
    assertHolds(await checkLedger(client, { expected, writing }));
    assertHolds([...(await checkTransitions(client)), ...(await checkEpochs(client)), ...(await checkAllEnded(client))]);
  });

  it('I1 shows money from nowhere, and an entry without its balance', async () => {
    await client.query('update bank.account set balance = balance + 1 where id = 1');
    expect(names(await checkBalances(client))).to.deep.equal(['I1', 'I1']);
    await client.query('update bank.account set balance = balance - 1 where id = 2');
    expect((await checkBalances(client))[0]?.rows).to.have.length(2);
  });

  it('I2 shows an effect that happened twice', async () => {
    await run('w1');
    await inTransaction(client, () => post('w1', 'to', 2, 5));
    const found = await checkPostings(client, transfer('w1'));
    expect(found.map(({ problem }) => problem)).to.deep.equal(['a step has postings of more than one transaction', 'a step has other postings than expected']);
    expect(found[1]?.rows).to.deep.equal([{ workflow_id: 'w1', step: 'to', account: 2, delta: '5', wanted: 1, found: 2 }]);
  });

  it('I2 shows a lost and a wrong effect', async () => {
    await run('w1');
    await client.query(`delete from bank.ledger where step = 'from'`);
    await client.query('update bank.ledger set delta = 6');
    expect((await checkPostings(client, transfer('w1')))[0]?.rows).to.have.length(3);
  });

  it('I3 shows an effect whose record is in another transaction, or missing', async () => {
    await engine.start('w1');
    await inTransaction(client, () => post('w1', 'from', 1, -5));
    expect(names(await checkEffectsRecorded(client))).to.deep.equal(['I3']);
    await engine.record('w1', '0');
    expect(names(await checkEffectsRecorded(client))).to.deep.equal(['I3']);
  });

  it('I3 is not content with a start row that came along', async () => {
    await inTransaction(client, async () => {
      await post('w1', 'from', 1, -5);
      await engine.start('w1');
    });
    expect(names(await checkEffectsRecorded(client))).to.deep.equal(['I3']);
  });

  it('I3 takes the outcome of a direct call that started before for its record', async () => {
    await engine.start('w1', { name: 'Bank.post', kind: 'transaction' });
    await inTransaction(client, async () => {
      await post('w1', 'from', 1, -5);
      await engine.change('w1', { status: 'SUCCESS' });
    });
    expect(await checkEffectsRecorded(client)).to.deep.equal([]);
    expect(await checkRecordsEffective(client, writing)).to.deep.equal([]);
  });

  it('I4 shows a record without its effect, and knows which have none', async () => {
    await engine.start('w1');
    await engine.record('w1', '0', { error: '{}' });
    await engine.record('w1', '1', { name: 'Bank.read' });
    expect(await checkRecordsEffective(client, writing)).to.deep.equal([]);
    await engine.record('w1', '2');
    await inTransaction(client, () => post('w1', 'late', 1, -5));
    expect((await checkRecordsEffective(client, writing))[0]?.rows[0]).to.deep.include({ workflow_id: 'w1', step_id: '2' });
    await engine.start('d1', { name: 'Bank.post', kind: 'procedure', status: 'SUCCESS' });
    expect((await checkRecordsEffective(client, writing))[0]?.rows).to.have.length(2);
  });

  it('I11 shows each change of status that may not be', async () => {
    await engine.start('ok');
    await engine.change('ok', { status: 'CANCELLED' });
    await engine.change('ok', { status: 'PENDING', epoch: 2 });
    await engine.change('ok', { status: 'DEAD' });
    await engine.change('ok', { status: 'PENDING', epoch: 3 });
    await engine.change('ok', { status: 'SUCCESS', output: '1' });
    await engine.change('ok', { executor_id: null });
    expect(await checkTransitions(client)).to.deep.equal([]);
    await engine.change('ok', { status: 'ERROR' });
    await engine.start('flip', { status: 'SUCCESS' });
    await engine.change('flip', { output: '2' });
    await engine.start('early', { status: 'CANCELLED' });
    await engine.change('early', { status: 'PENDING' });
    await engine.start('born dead', { status: 'DEAD' });
    const [found] = await checkTransitions(client);
    expect(found?.rows.map((row) => (row as { workflow_id: string }).workflow_id)).to.deep.equal(['ok', 'flip', 'early', 'born dead']);
  });

  it('I11 does not count what was rolled back', async () => {
    await engine.start('w1', { status: 'SUCCESS' });
    await client.query('begin');
    await engine.change('w1', { status: 'PENDING' });
    await client.query('rollback');
    expect(await checkTransitions(client)).to.deep.equal([]);
  });

  it('I12 shows an epoch that fell, a theft, and a record that came after the claim', async () => {
    await engine.start('w1');
    await engine.start('w2');
    await engine.start('w3');
    await engine.change('w1', { epoch: 2, executor_id: 'e2' });
    await engine.change('w2', { executor_id: null });
    await engine.change('w2', { executor_id: 'e2' });
    expect(await checkEpochs(client)).to.deep.equal([]);
    await engine.change('w3', { executor_id: 'e2' });
    await engine.change('w2', { epoch: 0 });
    await engine.record('w1', '0', { epoch: 1 });
    const found = await checkEpochs(client);
    expect(found.map(({ rows }) => rows.map((row) => (row as { workflow_id: string }).workflow_id))).to.deep.equal([['w3', 'w2'], ['w1']]);
  });

  it('I12 shows a record that was inserted before the claim and committed after it', async () => {
    await engine.start('w1');
    const other = await connect(url);
    await client.query('begin');
    await engine.record('w1', '0');
    await new TinyEngine(other).change('w1', { epoch: 2, executor_id: 'e2' });
    await client.query('commit');
    expect((await checkEpochs(client))[0]?.rows[0]).to.deep.include({ workflow_id: 'w1', epoch: 1, claimed_as: 2 });
  });

  it('I5 shows a lost acknowledgement, and a refused start that exists', async () => {
    await engine.start('there');
    const known = (id: string, start: ClientKnowledge['start']): ClientKnowledge => ({ id, start, function: 'f', input: undefined, results: [] });
    expect(await checkAcknowledged(client, [known('there', 'acknowledged'), known('absent', 'not started'), known('x', 'unknown')])).to.deep.equal([]);
    const found = await checkAcknowledged(client, [known('absent', 'acknowledged'), known('there', 'not started')]);
    expect(found.map(({ problem }) => problem)).to.deep.equal(['an acknowledged workflow is lost', 'a workflow exists whose start was refused']);
  });

  it('I7 shows two results of one workflow, and one that is not the stored one', async () => {
    await run('w1');
    const known = (...values: unknown[]): ClientKnowledge => ({
      id: 'w1',
      start: 'acknowledged',
      function: 'f',
      input: undefined,
      results: values.map((value) => ({ status: 'SUCCESS', value })),
    });
    const decode = (text: string | null): unknown => (text === null ? undefined : JSON.parse(text));
    expect(await checkResults(client, [known(7, 7)], decode)).to.deep.equal([]);
    expect(names(await checkResults(client, [known(7, 8)], decode))).to.deep.equal(['I7']);
    expect((await checkResults(client, [known(8)], decode))[0]?.problem).to.contain('stored outcome');
  });

  it("I8 shows a call that was never made, one after the record, and keys that are not the step's", async () => {
    await engine.start('w1');
    await engine.record('w1', '0', { name: 'Mailer.receipt', kind: 'communicator' });
    const call = (fields: Partial<WitnessRecord>): WitnessRecord => ({
      key: 'w1-0',
      name: 'Mailer.receipt',
      workflowId: 'w1',
      stepId: '0',
      number: 1,
      arrived: Date.now() - 1000,
      ...fields,
    });
    const problems = async (...calls: WitnessRecord[]): Promise<string[]> =>
      (await checkWitnessed(client, calls, ['Mailer.receipt'])).map(({ problem }) => problem);
    expect(await problems(call({}), call({ number: 2 }))).to.deep.equal([]);
    expect(await problems()).to.deep.equal(['a recorded communicator was never called']);
    expect(await problems(call({}), call({ arrived: Date.now() + 1000 }))).to.deep.equal(['a communicator was called after its record']);
    expect(await problems(call({}), call({ key: 'other' }))).to.deep.equal(['tries of one step had different idempotency keys']);
    expect(await problems(call({}), call({ stepId: '1' }))).to.deep.equal(['two steps had the same idempotency key']);
    const stepOf = ({ key }: WitnessRecord): { workflowId?: string; stepId?: string } => ({ workflowId: key.slice(0, 2), stepId: key.slice(3) });
    expect(await checkWitnessed(client, [{ key: 'w1-0', name: 'Mailer.receipt', number: 1, arrived: 0 }], ['Mailer.receipt'], { stepOf })).to.deep.equal([]);
  });

  it('are told in words', async () => {
    await engine.start('w1');
    const broken = await checkAllEnded(client);
    expect(() => assertHolds(broken)).to.throw(/1 invariant\(s\) broken\nI6: a workflow has not ended\n\s+\{"workflow_id":"w1"/);
  });
});
