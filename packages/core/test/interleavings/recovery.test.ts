/** Schedules around the death of an executor, of the database, and of first starts. */
import { Apiary, Communicator, Service, Transaction, Workflow, sql, start, workflowId, handleOf } from '@apiary/core';
import { asAdmin, crash, createDatabase, Postgres15, postgres15Missing, until } from '@apiary/testing/internal';
import { expect } from 'chai';
import { Engine, note, rejected } from '../support/engine.js';
import { Gates } from '../support/gates.js';

const gates = new Gates();
let onPoison: () => void = () => {};

@Service()
class Steps {
  @Transaction()
  async put(step: string): Promise<string> {
    await note(step);
    await gates.at(step);
    return step;
  }
  @Communicator()
  async say(text: string): Promise<string> {
    await gates.at(`say ${text}`);
    return text;
  }
  @Communicator()
  async poison(): Promise<void> {
    onPoison();
    await new Promise(() => {});
  }
  @Transaction({ readOnly: true })
  async setting(name: string): Promise<string> {
    return (await sql<{ value: string }>`select current_setting(${name}) as value`.one()).value;
  }
}

@Service()
class Flows {
  constructor(private readonly steps: Steps) {}
  @Workflow()
  async twoSteps(): Promise<string> {
    return (await this.steps.put('one')) + (await this.steps.put('two'));
  }
  @Workflow()
  async parent(): Promise<string> {
    return `parent of ${await this.child()}`;
  }
  @Workflow()
  async child(): Promise<string> {
    await this.steps.put('child one');
    return this.steps.put('child two');
  }
  @Workflow()
  async says(text: string): Promise<string> {
    return this.steps.say(text);
  }
  @Workflow({ maxRecoveries: 2 })
  async kills(): Promise<void> {
    await this.steps.poison();
  }
  @Workflow()
  async waitsForItself(): Promise<void> {
    await handleOf(workflowId()).result();
  }
  @Workflow()
  async waitsForItsParent(id: string): Promise<void> {
    await handleOf(id).result();
  }
  @Workflow()
  async startsOneThatWaitsForIt(): Promise<void> {
    await start(Flows).waitsForItsParent(workflowId()).result();
  }
}

const quick = { lease: 500, poll: 50 } as const;

it('INTERLEAVING 12: a row that was committed after several renewals of its executor is found when that executor dies', async () => {
  gates.reset();
  await using engine = await Engine.start({ services: [Flows], ...quick });
  gates.close('one', 'two');
  void engine.app
    .start(Flows, { workflowId: 'w' })
    .twoSteps()
    .result()
    .catch(() => {});
  await gates.reached('one');
  const renewals = async (): Promise<number> => Number((await engine.admin.query('select max(lease_counter) as n from apiary.executor')).rows[0].n);
  const before = await renewals();
  await until('the lease was renewed while the transaction was open', async () => (await renewals()) > before + 2);
  gates.open('one');
  await gates.reached('two');
  expect(await engine.ledger()).deep.equal(['one']);
  await crash(engine.app);
  gates.open('two');
  const other = await engine.another();
  expect(await other.handle('w').result()).equal('onetwo');
  expect(await engine.ledger()).deep.equal(['one', 'two']);
  await engine.expectEffectsRecorded();
});

it('INTERLEAVING 13: the first commit of an inline child carries its parent, and claims by different executors double nothing', async () => {
  gates.reset();
  await using engine = await Engine.start({ services: [Flows], ...quick });
  gates.close('child two');
  void engine.app
    .start(Flows, { workflowId: 'p' })
    .parent()
    .result()
    .catch(() => {});
  await gates.reached('child two');
  expect((await engine.row('p'))?.status).equal('PENDING');
  expect((await engine.row('p-0'))?.status).equal('PENDING');
  await crash(engine.app);
  gates.open('child two');
  const [first, second] = await Promise.all([engine.another(), engine.another()]);
  const results = await Promise.all([first.handle('p').result(), second.handle('p').result(), first.handle('p-0').result(), second.handle('p-0').result()]);
  expect(results).deep.equal(['parent of child two', 'parent of child two', 'child two', 'child two']);
  expect(await engine.ledger()).deep.equal(['child one', 'child two']);
  await engine.expectEffectsRecorded();
});

it('INTERLEAVING 17: a workflow that kills its process takes none of its neighbours to DEAD', async () => {
  gates.reset();
  await using engine = await Engine.start({ services: [Flows], ...quick });
  const good = Array.from({ length: 60 }, (_, i) => `good-${i}`);
  gates.close('say x');
  for (const id of good)
    void engine.app
      .start(Flows, { workflowId: id })
      .says('x')
      .result()
      .catch(() => {});
  void engine.app
    .start(Flows, { workflowId: 'bad' })
    .kills()
    .result()
    .catch(() => {});
  await until('all have begun', async () => Number((await engine.admin.query(`select count(*) as n from apiary.workflow_status`)).rows[0].n) === 61);
  await crash(engine.app);
  let killed = 0;
  for (let round = 0; round < 12; round++) {
    let poisoned!: () => void;
    const hit = new Promise<void>((resolve) => (poisoned = resolve));
    onPoison = poisoned;
    const app: Apiary = await engine.another();
    const ended = until(
      'all have ended',
      async () => Number((await engine.admin.query(`select count(*) as n from apiary.workflow_status where status = 'PENDING'`)).rows[0].n) === 0,
    );
    const which = await Promise.race([hit.then(() => 'killed'), ended.then(() => 'ended')]);
    if (which === 'ended') break;
    killed++;
    // At the first death the neighbours have begun too and made no progress.
    await crash(app);
    ended.catch(() => {});
    if (killed === 1) gates.open('say x');
  }
  expect(killed, 'it was tried again, and bounded').to.be.within(2, 3);
  const { rows } = await engine.admin.query(
    `select status, count(*)::int as n, max(attempts)::int as attempts from apiary.workflow_status group by status order by status`,
  );
  expect(rows.map((r) => [r.status, r.n])).deep.equal([
    ['DEAD', 1],
    ['SUCCESS', 60],
  ]);
  const last = await engine.another();
  expect(await rejected(last.handle('bad').result())).include({ code: 'DEAD' });
});

it('INTERLEAVING 15: a workflow that waits for itself or for an ancestor is refused', async () => {
  gates.reset();
  await using engine = await Engine.start({ services: [Flows] });
  expect(await rejected(engine.app.get(Flows).waitsForItself())).include({ code: 'FORBIDDEN_CALL' });
  expect(await rejected(engine.app.get(Flows).startsOneThatWaitsForIt())).include({ code: 'FORBIDDEN_CALL' });
});

it('INTERLEAVING 21: hostile defaults of the server change neither a first start of many nor what is durable', async () => {
  gates.reset();
  await using database = await createDatabase();
  for (const setting of [`default_transaction_isolation to 'repeatable read'`, 'synchronous_commit to off'])
    await asAdmin(database.connectionString, `alter database ${database.name} set ${setting}`);
  const apps = await Promise.all(
    Array.from({ length: 8 }, () =>
      Apiary.launch({ services: [Flows], database: database.connectionString, log: { level: 'silent' }, pool: { size: 2, systemSize: 2 }, version: 'test' }),
    ),
  );
  try {
    expect(await apps[0]?.get(Steps).setting('synchronous_commit')).equal('on');
    expect(await apps[0]?.get(Flows).says('hello')).equal('hello');
  } finally {
    await Promise.all(apps.map((app) => app.shutdown({ grace: 0 })));
  }
});

describe('a crash of the database', () => {
  it('INTERLEAVING 2: what was answered is there after the database crashed, and its executor goes on', async function () {
    const missing = postgres15Missing();
    if (missing !== undefined) {
      console.log(`      ${missing}`);
      return this.skip();
    }
    gates.reset();
    const server = await Postgres15.create();
    try {
      await server.start();
      await using engine = await Engine.start({ services: [Flows], lease: '10 seconds' }, { connectionString: server.connectionString('postgres') });
      const ids = Array.from({ length: 30 }, (_, i) => `w${i}`);
      await Promise.all(ids.map((id) => engine.app.start(Flows, { workflowId: id }).says('x').result()));
      await server.crash();
      await server.start();
      await until('the executor works again', async () => (await engine.app.get(Flows).says('again')) === 'again');
      const statuses = await Promise.all(ids.map((id) => engine.app.handle(id).status()));
      expect(new Set(statuses)).deep.equal(new Set(['SUCCESS']));
      expect((await engine.app.handle('w0').steps()).map((s) => s.name)).deep.equal(['Steps.say']);
    } finally {
      await server.stop();
      await server.remove();
    }
  });
});
