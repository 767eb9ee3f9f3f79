import { randomUUID } from 'node:crypto';
import { enumerateCrashes, scenario, type Scenario, type TestApp } from '@apiary/testing';
import { enumerate } from '@apiary/testing/internal';
import { expect } from 'chai';
import { migrations, Orders, payments } from './support/charges.js';
import { failure, reproduced } from './support/failure.js';
import { tables, Tickets } from './support/generated.js';
import { Guesses } from './support/guesses.js';
import direct from './support/order.js';
import withoutKeys from './support/order-without-keys.js';

const stock = (app: TestApp): Promise<unknown> => app.knex('stock').insert({ item: 'lamp', left: 7 });

function orders({ knowsKeys = true, workflowId = () => 'order', most = 1 }): Scenario {
  const { ledger, charge } = payments(knowsKeys);
  return scenario({
    services: [Orders],
    migrations,
    mocks: [charge],
    arrange: (app) => (ledger.clear(), stock(app)),
    act: (app) => app.start(Orders, { workflowId: workflowId() }).place('lamp').result(),
    assert: async (app) => {
      expect(ledger.size, 'charges').to.be.within(1, most);
      expect(await app.knex('stock').pluck('left')).to.deep.equal([6]);
    },
  });
}

describe('enumerateCrashes', function () {
  this.timeout(120_000);

  it('visits each write and each boundary of a right workflow, once each', async () => {
    const report = await enumerateCrashes(orders({}));
    expect([report.points, report.runs]).to.deep.equal([20, 22]);
    const lines = String(report).split('\n');
    expect(lines).to.have.length(21);
    expect(lines[0]).to.equal('20 points at which the executor died, 22 runs; each ended as the run without a crash did:');
    expect(lines.filter((line) => line.includes('Payments.charge')).map((line) => line.slice(16))).to.deep.equal([
      'before the body of Payments.charge, step 1 of workflow order',
      'after the body, before the record of Payments.charge, step 1 of workflow order',
    ]);
  });

  it('finds a charge that is done twice, and its reproduction finds it again', async () => {
    const message = await failure(enumerateCrashes(orders({ knowsKeys: false })));
    expect(message).to.include('point 15 of 20: after the body, before the record of Payments.charge, step 1 of workflow order');
    expect(message).to.include('assert threw AssertionError: charges: expected 2 to be within 1..1');
    expect(await reproduced(message, () => enumerateCrashes(orders({ knowsKeys: false })))).to.equal(message);
  });

  it('finds a workflow id that is another one in each act', async () => {
    const message = await failure(enumerateCrashes(orders({ workflowId: randomUUID, most: 2 })));
    expect(message).to.match(/extra: workflow \{.*"name":"Orders.place"/);
    expect(message).to.include('extra: row of stock {"item":"lamp","left":5}');
    expect(await reproduced(message, () => enumerateCrashes(orders({ workflowId: randomUUID, most: 2 })))).to.include('"left":5');
  });

  for (const kind of ['time', 'chance'] as const) {
    it(`finds a workflow that depends on ${kind} that no step recorded`, async () => {
      const guesses = scenario({
        services: [Guesses],
        migrations,
        // Else the guard finds it before any comparison.
        determinism: 'off',
        arrange: stock,
        act: (app) => app.start(Guesses, { workflowId: 'guesses' })[kind]().result(),
        assert: async () => {},
      });
      const message = await failure(enumerateCrashes(guesses));
      expect(message).to.include('two runs of the scenario without any crash differ').and.to.include('use now(), random() and randomUUID()');
      expect(message).to.match(/missing: row of stock \{"item":"lamp","left":\d+\}/);
      expect(await failure(enumerateCrashes(guesses))).to.include('two runs of the scenario without any crash differ');
    });
  }

  it('finds what a replay does otherwise', async () => {
    const message = await failure(
      enumerateCrashes(
        scenario({
          services: [Guesses],
          migrations,
          arrange: (app) => (Guesses.forget(), stock(app)),
          act: (app) => app.start(Guesses, { workflowId: 'guesses' }).memory().result(),
          assert: async () => {},
        }),
      ),
    );
    expect(message).to.include('act threw NondeterminismError');
  });

  it('twice: finds what only a second crash shows, at pairs drawn with the seed', async () => {
    const report = await enumerate(orders({ knowsKeys: false, most: 3 }), { twice: true, most: 5, seed: 7 });
    expect(String(report)).to.match(/and 5 of \d+ pairs, in which the recovery died once more, drawn with seed 7$/);
    expect([report.points, report.runs]).to.deep.equal([20, 27]);
  });

  it('twice: finds what only a second crash shows', async () => {
    // At the one point whose recovery has it; all others would take their time.
    const point = /\d+ {2}(\S+) {2}after the body, before the record of Payments.charge/.exec(String(await enumerateCrashes(orders({}))))?.[1];
    const tolerant = (): Scenario => orders({ knowsKeys: false, most: 2 });
    expect(await reproduced(`APIARY_CRASH_POINT=${point}`, () => enumerateCrashes(tolerant()))).to.include('nothing was found: 1 points');
    const message = await reproduced(`APIARY_CRASH_POINT=${point}`, () => enumerateCrashes(tolerant(), { twice: true }));
    expect(message).to.match(/point 15 of 20: .*\nand again, in the recovery\n.*after the body, before the record of Payments.charge/);
    expect(message).to.include('expected 3 to be within 1..2');
    expect(await reproduced(message, () => enumerateCrashes(tolerant()))).to.equal(message);
  });

  it('takes ids, times, numbers and answers from outside that are made anew for the same', async () => {
    const report = await enumerateCrashes(
      scenario({
        services: [Tickets],
        migrations: tables,
        act: (app) => app.start(Tickets, { workflowId: 'ticket' }).book().result(),
        assert: async (app) => expect(await app.knex('ticket').pluck('note')).to.have.length(1),
      }),
    );
    expect(report.points).to.equal(20);
  });

  it('lets time pass: what sleeps a month takes no time', async () => {
    const report = await enumerateCrashes(
      scenario({
        services: [Tickets],
        migrations: tables,
        act: (app) => app.start(Tickets, { workflowId: 'ticket' }).rest().result(),
        assert: async (app) => expect(await app.handle('ticket').status()).to.equal('SUCCESS'),
      }),
    );
    expect(report.points).to.be.above(10);
  });

  it('lets act move the time by itself', async () => {
    const times: number[] = [];
    const report = await enumerateCrashes(
      scenario({
        services: [Tickets],
        migrations: tables,
        act: async (app) => {
          const begun = app.clock.now().getTime();
          const handle = await app.start(Tickets, { workflowId: 'ticket' }).rest();
          await app.clock.advance('2 days');
          times.push(app.clock.now().getTime() - begun);
          return handle.status();
        },
        assert: async (app) => expect(await app.handle('ticket').status()).to.equal('SUCCESS'),
      }),
    );
    expect(report.points).to.be.above(10);
    // Of the first run nobody knew it.
    for (const time of times.slice(1)) expect(time).to.be.within(2 * 86_400_000, 2 * 86_400_000 + 60_000);
  });

  it('finds an act that cannot be repeated', async () => {
    const message = await failure(
      enumerateCrashes(
        scenario({
          services: [Orders],
          migrations,
          act: async (app) => {
            await stock(app);
            await app.start(Orders, { workflowId: 'order' }).take('lamp').result();
          },
          assert: async () => {},
        }),
      ),
    );
    expect(message)
      .to.include('point 1 of')
      .and.to.match(/act threw error: .*duplicate key/);
  });

  it('says what is wrong with a scenario', async () => {
    const wrong = scenario({ services: [Orders], migrations, arrange: stock, act: async () => 1, assert: async () => {} });
    expect(await failure(enumerateCrashes(wrong))).to.equal('act calls no function of this app: there is nothing to crash');
    const failing = scenario({ services: [Orders], migrations, act: (app) => app.get(Orders).take('no such'), assert: async () => {} });
    expect(await failure(enumerateCrashes(failing))).to.include('the scenario fails without any crash: Error: act threw');
    expect(await failure(enumerateCrashes({} as Scenario))).to.include('scenario({ ... })');
  });

  it('takes a point that is not reached for an error', async () => {
    const take = scenario({ services: [Orders], migrations, arrange: stock, act: (app) => app.get(Orders).take('lamp'), assert: async () => {} });
    expect(await reproduced('APIARY_CRASH_POINT=00000000', () => enumerateCrashes(take))).to.include('a point was not reached in 8 runs');
  });

  it('kills real processes (SIGKILL) with a module', async () => {
    const report = await enumerateCrashes(direct, { module: new URL('./support/order.js', import.meta.url) });
    expect([report.points, report.runs]).to.deep.equal([13, 15]);
    expect(String(report)).to.include('13 points at which a process was killed (SIGKILL)');
  });

  it('finds with real processes what it found in this one', async () => {
    const message = await failure(enumerateCrashes(withoutKeys));
    const killed = await reproduced(message, () => enumerateCrashes(withoutKeys, { module: new URL('./support/order-without-keys.js', import.meta.url) }));
    expect(killed).to.equal(message.replace('in process', 'SIGKILL'));
    expect(killed).to.include('to have a length of 1 but got 2');
  });
});
