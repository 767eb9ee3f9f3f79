import { expect } from 'chai';
import { executes, TcpProxy, until } from '@apiary/testing/internal';
import type { Apiary, Config } from '@apiary/core';
import type { Internals } from '@apiary/core/internal';
import { Flows } from '../support/recovery/flows.js';
import { gates } from '../support/recovery/gates.js';
import { Setting, die, executorOf } from '../support/recovery/setting.js';

describe('L7, 4.6: attempts, and the narrow lane of second attempts', function () {
  this.timeout(90_000);
  let on: Setting;
  let proxy: TcpProxy | undefined;
  beforeEach(async () => {
    on = await Setting.make();
  });
  afterEach(async () => {
    await proxy?.heal();
    await on[Symbol.asyncDispose]();
    await proxy?.stop();
    proxy = undefined;
  });

  /** Its workflows have been claimed once and made no record since; it is fenced, so whoever polls next claims them. */
  async function diesAgain(app: Apiary): Promise<string> {
    const dead = await die(app);
    await on.query(`update apiary.executor set fenced = true where executor_id = $1`, [dead]);
    await on.query(
      `update apiary.workflow_status w set attempts = 1, claimed_records = (select count(*) from apiary.function_status f where f.workflow_id = w.workflow_id)
       where executor_id = $1 and status = 'PENDING'`,
      [dead],
    );
    return dead;
  }

  /** An executor whose lease no test outlasts, and what it claims. */
  async function claimer(config: Partial<Config> = {}, internals: Internals = {}): Promise<{ readonly app: Apiary; readonly claims: (readonly string[])[] }> {
    const claims: (readonly string[])[] = [];
    const probe: Internals['probe'] = (point, detail) => {
      if (point === 'takeover:claimed') claims.push((detail as { workflowIds: readonly string[] }).workflowIds);
    };
    return { app: await on.launch({ lease: '1 minute', ...config }, { probe, ...internals }), claims };
  }

  /** A workflow that has a row, and no record. */
  async function stands(app: Apiary, workflowId: string): Promise<void> {
    await app.start(Flows, { workflowId }).good('gate');
    await gates.reached('gate');
  }

  async function looks(app: Apiary, times: number): Promise<void> {
    const { id } = executorOf(app);
    const { lease_counter: looked } = await on.executor(id);
    await until(`it has looked ${times} times`, async () => (await on.executor(id)).lease_counter >= looked + times);
  }

  it('L7: a parent whose child makes progress is not counted, though it has no record of its own', async () => {
    let app = await on.launch();
    // One recovery is allowed to each.
    await app.start(Flows, { workflowId: 'w' }).parent('g');
    const lives = ['g', 'g again'] as const;
    for (const [life, gate] of lives.entries()) {
      await gates.reached(gate);
      await on.recorded('w-0', life + 1);
      expect(await on.records('w'), 'the parent has made no record').to.deep.equal([]);
      await die(app);
      if (life === 0) gates.open('g');
      app = await on.launch();
    }
    gates.open('g again');
    expect(await on.ended('w')).to.include({ status: 'SUCCESS', attempts: 0, recoveries: 2 });
    expect(await on.steps('w-0')).to.deep.equal(['child 1', 'child 2']);
    expect(await on.steps('w')).to.deep.equal(['parent']);
  });

  it('4.6: a parent that waits for its child does not take the narrow lane, which the child needs', async () => {
    const first = await on.launch();
    await first.start(Flows, { workflowId: 'w' }).parent('g');
    await gates.reached('g');
    await on.recorded('w-0', 1);
    await diesAgain(first);
    const { app, claims } = await claimer();
    await until('something is claimed', () => claims.length > 0);
    await looks(app, 5);
    expect(claims).to.deep.equal([['w'], ['w-0']]);
    gates.open('g');
    gates.open('g again');
    expect(await on.ended('w')).to.include({ status: 'SUCCESS', error: null });
  });

  it('4.6: second attempts are claimed one at a time, when the one before has ended', async () => {
    const first = await on.launch();
    for (const workflowId of ['a', 'b', 'c']) await stands(first, workflowId);
    await diesAgain(first);
    const { app, claims } = await claimer();
    const arrival = await gates.reached('gate');
    await looks(app, 5);
    expect(claims).to.deep.equal([['a']]);
    arrival.pass();
    (await gates.reached('gate')).pass();
    await until('the second has made its record', async () => (await on.records('b')).length === 1);
    (await gates.reached('gate')).pass();
    for (const workflowId of ['a', 'b', 'c']) expect(await on.ended(workflowId)).to.include({ status: 'SUCCESS', attempts: 2 });
    expect(claims).to.deep.equal([['a'], ['b'], ['c']]);
  });

  it('4.6: one that only waits does not hold the narrow lane for longer than a lease', async () => {
    const first = await on.launch();
    for (const workflowId of ['a', 'b']) await stands(first, workflowId);
    await diesAgain(first);
    const { app, claims } = await claimer({ lease: '600 ms' });
    await gates.reached('gate');
    // Twelve looks are two leases.
    await looks(app, 14);
    expect(claims).to.deep.equal([['a'], ['b']]);
  });

  it('4.6: a claim whose answer was lost holds the narrow lane: what it gave is found and run, and nothing is claimed beside it', async () => {
    const first = await on.launch();
    for (const workflowId of ['a', 'b']) await stands(first, workflowId);
    await diesAgain(first);
    const { hostname, port } = new URL(on.database.connectionString);
    proxy = await TcpProxy.start({ target: { host: hostname, port: Number(port) } });
    // The first claim asks for those of the wide lane, and finds none.
    const rule = proxy.add({ on: 'request', is: executes(/chosen as materialized/), skip: 1, fault: { kind: 'lose answer' } });
    const { app, claims } = await claimer({ database: proxy.connectionString(on.database.connectionString) });
    await rule.hit;
    const arrival = await gates.reached('gate');
    await looks(app, 5);
    expect(claims, 'no answer has told of a claim').to.deep.equal([]);
    expect(await on.workflow('a')).to.include({ executor_id: executorOf(app).id, attempts: 2 });
    expect(await on.workflow('b')).to.include({ attempts: 1 });
    arrival.pass();
    expect((await on.ended('a')).status).to.equal('SUCCESS');
  });

  it('4.5: a cancellation of DEAD changes nothing: who was told DEAD was told the truth', async () => {
    const first = await on.launch();
    await first.start(Flows, { workflowId: 'w' }).stuck('never');
    await gates.reached('never');
    await diesAgain(first);
    const { app } = await claimer();
    expect(await on.ended('w')).to.include({ status: 'DEAD', attempts: 2 });
    await app.handle('w').cancel();
    expect((await on.workflow('w'))?.status).to.equal('DEAD');
    const told = await app
      .handle('w')
      .result()
      .then(
        () => 'a value',
        (error: unknown) => (error as { code: string }).code,
      );
    expect(told).to.equal('DEAD');
  });
});
