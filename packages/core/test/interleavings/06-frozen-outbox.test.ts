import { Communicator, Service, Transaction, Workflow, start } from '@apiary/core';
import { until } from '@apiary/testing/internal';
import { expect } from 'chai';
import { Engine, note } from '../support/engine.js';
import { Gates } from '../support/gates.js';

const gates = new Gates();

@Service()
class Steps {
  @Transaction()
  async sends(): Promise<string> {
    await note('sends');
    await start(Flows, { workflowId: 'order-17' }).order();
    await gates.at('frozen');
    return 'sent';
  }
  @Transaction()
  async write(label: string): Promise<string> {
    await note(label);
    return label;
  }
  @Communicator()
  async call(label: string): Promise<string> {
    return label;
  }
}

@Service()
class Flows {
  constructor(private readonly steps: Steps) {}
  @Workflow()
  async sender(): Promise<string> {
    return this.steps.sends();
  }
  @Workflow()
  async order(): Promise<string> {
    return this.steps.write('ordered');
  }
}

describe('INTERLEAVING 6: a transaction that started a workflow freezes before its commit', () => {
  it('INTERLEAVING 6: the same id is started meanwhile, the journal goes on, the lease is renewed; the frozen one commits in the end', async () => {
    gates.reset();
    await using engine = await Engine.start({ services: [Flows], lease: '2 seconds', poll: '100 ms' });
    gates.close('frozen');
    const frozen = engine.app.start(Flows, { workflowId: 'sender' }).sender().result();
    await gates.reached('frozen');
    const counter = async (): Promise<number> =>
      Number((await engine.admin.query<{ n: string }>('select max(lease_counter) as n from apiary.executor')).rows[0]?.n);
    const before = await counter();
    // By the journal, under the very id that the frozen one will insert; and others in the same batch.
    const started = await Promise.all([
      engine.app.start(Flows, { workflowId: 'order-17' }).order(),
      ...Array.from({ length: 20 }, (_, i) => engine.app.start(Steps, { workflowId: `call-${i}` }).call(`c${i}`)),
    ]);
    expect(await Promise.all(started.map((handle) => handle.result()))).deep.equal(['ordered', ...Array.from({ length: 20 }, (_, i) => `c${i}`)]);
    await until('the lease was renewed several times', async () => (await counter()) >= before + 5);
    const { rows } = await engine.admin.query<{ n: number }>(
      `select count(*)::int as n from pg_locks l join pg_stat_activity a using (pid) where not l.granted and a.datname = current_database()`,
    );
    expect(rows, 'nobody waits for a lock').deep.equal([{ n: 0 }]);
    gates.open('frozen');
    expect(await frozen, 'the row that exists is the wished state').equal('sent');
    expect((await engine.ledger()).sort()).deep.equal(['ordered', 'sends']);
    await engine.expectEffectsRecorded();
  });
});
