import { Communicator, Service, Transaction, Workflow, sleep } from '@apiary/core';
import { until } from '@apiary/testing/internal';
import { expect } from 'chai';
import { Engine, note, rejected } from '../support/engine.js';
import { Gates } from '../support/gates.js';

const gates = new Gates();

@Service()
class Steps {
  @Communicator()
  async call(label: string): Promise<string> {
    await gates.at(`call ${label}`);
    return label;
  }
  /** No record of it can be stored. */
  @Communicator()
  async poison(): Promise<string> {
    await gates.at('poison');
    return 'poison';
  }
  @Transaction()
  async write(label: string): Promise<string> {
    await note(label);
    return label;
  }
}

@Service()
class Flows {
  constructor(private readonly steps: Steps) {}
  @Workflow()
  async good(label: string): Promise<string> {
    await this.steps.call(label);
    await sleep(1);
    await this.steps.call(`${label}'`);
    return this.steps.write(label);
  }
  @Workflow()
  async bad(next: 'call' | 'write' | 'sleep' | 'end'): Promise<string> {
    await this.steps.call('before');
    await this.steps.poison();
    await gates.at('behind poison');
    if (next === 'call') return this.steps.call('behind');
    if (next === 'write') return this.steps.write('behind');
    if (next === 'sleep') await sleep(1);
    return 'end';
  }
}

const schema = `
  create function public.refuse_poison() returns trigger language plpgsql as $$
  begin
    raise exception 'this row is poison';
  end $$;
  create trigger refuse_poison before insert on apiary.function_record for each row when (new.name = 'Steps.poison') execute function public.refuse_poison();`;

describe('INTERLEAVING 23: a row that no database takes, under load', () => {
  for (const next of ['call', 'write', 'sleep', 'end'] as const) {
    it(`INTERLEAVING 23: it fails alone (${next} behind it): no neighbour is harmed, no history has a gap, its workflow ends with an error`, async () => {
      gates.reset();
      await using engine = await Engine.start({ services: [Flows], poll: '50 ms', linger: next === 'end' ? '10 seconds' : '1 ms' });
      await engine.admin.query(schema);
      const labels = Array.from({ length: 40 }, (_, i) => `g${i}`);
      const [error, ...good] = await Promise.all([
        rejected(engine.app.start(Flows, { workflowId: 'bad' }).bad(next).result()),
        ...labels.map((label) => engine.app.start(Flows, { workflowId: label }).good(label).result()),
      ]);
      expect(good).deep.equal(labels);
      expect(error?.message).match(/poison/);
      const { rows } = await engine.admin.query<{ workflow_id: string; steps: string[] }>(
        `select workflow_id, array_agg(step_id::int order by step_id::int) as steps from apiary.function_status group by 1`,
      );
      for (const { workflow_id: id, steps } of rows) expect(steps, `history of ${id}`).deep.equal(steps.map((_, i) => i));
      expect((await engine.ledger()).sort()).deep.equal([...labels].sort());
      await until('nothing is pending', async () => (await engine.admin.query(`select from apiary.workflow_status where status = 'PENDING'`)).rowCount === 0);
      expect(await engine.row('bad')).include({ status: 'ERROR' });
      expect(gates.visits('poison'), 'it was not tried for ever').lessThan(4);
      await engine.expectEffectsRecorded();
    });
  }

  it('INTERLEAVING 23: a step behind a row that is under way waits for its answer: the row fails, and there is no gap', async () => {
    gates.reset();
    await using engine = await Engine.start({ services: [Flows], poll: '50 ms', linger: '50 ms' }, { proxied: true });
    await engine.admin.query(schema);
    gates.close('behind poison', 'poison');
    const outcome = rejected(engine.app.start(Flows, { workflowId: 'bad' }).bad('sleep').result());
    await gates.reached('poison');
    const held = engine.proxy.add({
      on: 'request',
      is: (flight) => flight.statements.some((text) => text.startsWith('insert into "apiary".function_record')),
      fault: { kind: 'hold request' },
    });
    gates.open('poison');
    await held.hit;
    // The poison is on its way, by itself; now the body sleeps, and the record of that has a group of its own.
    gates.open('behind poison');
    await gates.reached('behind poison');
    await engine.app.get(Steps).write('other');
    held.release();
    expect((await outcome).message).match(/poison/);
    expect(
      (await engine.records('bad')).map((r) => [r.step_id, r.name]),
      'nothing behind the gap',
    ).deep.equal([['0', 'Steps.call']]);
  });
});
