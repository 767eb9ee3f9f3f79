import { randomUUID } from 'node:crypto';
import { enumerateCrashes, scenario, type Scenario, type TestApp } from '@apiary/testing';
import { expect } from 'chai';
import { migrations, Orders, payments } from './support/charges.js';
import { Guesses } from './support/guesses.js';

const stock = (app: TestApp): Promise<unknown> => app.knex('stock').insert({ item: 'lamp', left: 7 });

function orders(knowsKeys: boolean, workflowId: () => string = () => 'order'): Scenario {
  const { ledger, charge } = payments(knowsKeys);
  return scenario({
    services: [Orders],
    migrations,
    mocks: [charge],
    arrange: (app) => (ledger.clear(), stock(app)),
    act: (app) => app.start(Orders, { workflowId: workflowId() }).place('lamp').result(),
    assert: async (app) => {
      expect([...ledger.values()], 'charges').to.deep.equal([1900]);
      expect(await app.knex('stock').pluck('left')).to.deep.equal([6]);
    },
  });
}

const failure = async (work: Promise<unknown>): Promise<string> => {
  const error: unknown = await work.then(
    () => 'nothing was found',
    (reason: unknown) => reason,
  );
  return error instanceof Error ? error.message : String(error);
};

/** As the reproduction says. */
async function onlyPoint(message: string, again: () => Promise<unknown>): Promise<string> {
  const keys = /APIARY_CRASH_POINT=(\S+)/.exec(message)?.[1];
  expect(keys).to.be.a('string');
  process.env['APIARY_CRASH_POINT'] = keys;
  try {
    return await failure(again());
  } finally {
    delete process.env['APIARY_CRASH_POINT'];
  }
}

describe('enumerateCrashes', function () {
  this.timeout(120_000);

  it('visits each write and each boundary of a right workflow, the same points each time', async () => {
    const report = await enumerateCrashes(orders(true));
    console.log(String(report));
    expect(report.runs).to.equal(report.points + 2);
  });

  it('finds a charge that is done twice, and its reproduction finds it again', async () => {
    const message = await failure(enumerateCrashes(orders(false)));
    console.log(message);
    expect(await onlyPoint(message, () => enumerateCrashes(orders(false)))).to.equal(message);
  });

  it('finds a workflow id that is another one in each act', async () => {
    const message = await failure(enumerateCrashes(orders(true, randomUUID)));
    console.log(message);
  });

  for (const kind of ['time', 'chance'] as const) {
    it(`finds a workflow that depends on ${kind} which no step recorded`, async () => {
      const message = await failure(
        enumerateCrashes(
          scenario({
            services: [Guesses],
            migrations,
            arrange: stock,
            act: (app) => app.start(Guesses, { workflowId: 'g' })[kind]().result(),
            assert: async () => {},
          }),
        ),
      );
      console.log(message);
    });
  }
});
