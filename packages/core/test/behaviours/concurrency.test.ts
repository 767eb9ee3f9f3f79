import { Communicator, Service, Transaction, Workflow } from '@apiary/core';
import { SeededRandom } from '@apiary/testing/internal';
import { expect } from 'chai';
import { Engine, note } from '../support/engine.js';
import { Gates } from '../support/gates.js';

const gates = new Gates();

@Service()
class Flows {
  @Transaction()
  async write(text: string): Promise<string> {
    await note(text);
    return text;
  }
  @Communicator()
  async tell(text: string): Promise<string> {
    await gates.at('tell');
    return `${text} by call ${gates.visits('tell')}`;
  }
  @Workflow()
  async oneStep(): Promise<string> {
    return this.tell('told');
  }
  @Workflow()
  async mixed(n: number): Promise<string> {
    await this.write(`${n} first`);
    await this.tell(String(n));
    return this.write(`${n} last`);
  }
}

describe('behaviours of concurrent executors and of a bad network', () => {
  let engine: Engine;
  before(async () => {
    engine = await Engine.start({ services: [Flows], pool: { size: 5 } });
  });
  after(() => engine.close());
  beforeEach(async () => {
    gates.reset();
    await engine.clear();
  });

  it('BEHAVIOUR 20: of two runs of one workflow in two executors one is recorded, and the other gives the recorded outcome', async () => {
    const other = await engine.another();
    gates.close('tell');
    const results = Promise.all([engine.app, other].map((app) => app.start(Flows, { workflowId: 'b20' }).oneStep().result()));
    await gates.reached('tell'); // the start row arbitrates before the first communicator: only one of them comes here
    gates.open('tell');
    const [first, second] = await results;
    expect(second).equal(first);
    expect([gates.visits('tell'), (await engine.records('b20')).length]).deep.equal([1, 1]);
    await other.shutdown({ grace: 0 });
  });

  it('BEHAVIOUR 26: connections dropped at random under load: all workflows finish, each effect once', async () => {
    const random = new SeededRandom(26);
    const count = 60;
    const results = Promise.all(
      Array.from({ length: count }, (_, n) =>
        engine.app
          .start(Flows, { workflowId: `b26-${n}` })
          .mixed(n)
          .result(),
      ),
    );
    let over = false;
    results.finally(() => (over = true)).catch(() => {});
    let killed = 0;
    while (!over && killed < 40) {
      const { rows } = await engine.admin.query<{ pid: number }>(
        `select pid from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid() and application_name like 'apiary%'`,
      );
      if (
        rows.length > 0 &&
        (await engine.admin.query<{ sent: boolean }>('select pg_terminate_backend($1) as sent', [random.pick(rows).pid])).rows[0]?.sent === true
      )
        killed++;
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    expect(await results).deep.equal(Array.from({ length: count }, (_, n) => `${n} last`));
    expect(killed, 'connections were killed').greaterThan(10);
    expect((await engine.ledger()).sort()).deep.equal(
      Array.from({ length: count }, (_, n) => [`${n} first`, `${n} last`])
        .flat()
        .sort(),
    );
    await engine.expectEffectsRecorded();
  });
});
