import { Procedure, Service, Transaction, Workflow, sql, workflowId } from '@apiary/core';
import { expect } from 'chai';
import { Engine, note, rejected } from '../support/engine.js';
import { Gates } from '../support/gates.js';

const gates = new Gates();
const always = 1_000_000;

@Service()
class Steps {
  @Transaction()
  async never(): Promise<string> {
    await gates.at('attempt');
    await note('never');
    await sql`select fail_first(${always}, '40001')`;
    return 'done';
  }
  @Transaction({ readOnly: true })
  async neverRead(): Promise<string> {
    await gates.at('attempt');
    await sql`select raise_now('40001')`;
    return 'done';
  }
  @Procedure()
  neverFlies() {
    void gates.at('attempt');
    return sql.batch(sql`insert into ledger (workflow_id, step) values (${workflowId()}, 'never')`, sql`select fail_first(${always}, '40001')`.one());
  }
}

@Service()
class Flows {
  constructor(private readonly steps: Steps) {}
  @Workflow()
  async tries(method: 'never' | 'neverRead' | 'neverFlies'): Promise<unknown> {
    return this.steps[method]();
  }
}

describe('L2: what never succeeds', () => {
  let engine: Engine;
  before(async () => {
    engine = await Engine.start(
      { services: [Flows] },
      {
        schema: `create function raise_now(state text) returns text language plpgsql as $$ begin raise exception using errcode = state; end $$;`,
      },
    );
  });
  after(() => engine.close());
  beforeEach(async () => {
    await engine.clear();
    gates.reset();
  });

  for (const method of ['never', 'neverRead', 'neverFlies'] as const) {
    for (const shape of ['direct', 'a step'] as const) {
      const start = (id: string, deadline?: string) => {
        const options = { workflowId: id, ...(deadline === undefined ? {} : { deadline: deadline as '1 second' }) };
        return shape === 'direct'
          ? engine.app.start(Steps, options as { workflowId: string })[method as 'never']()
          : engine.app.start(Flows, options).tries(method);
      };
      it(`L2: a retry loop looks at the cancellation (${method}, ${shape})`, async () => {
        const id = `cancel-${method}-${shape}`;
        const handle = await start(id);
        await gates.reached('attempt', 3);
        await handle.cancel();
        expect(await rejected(handle.result())).include({ code: 'CANCELLED' });
        expect([(await engine.row(id))?.status, await engine.ledger()]).deep.equal(['CANCELLED', []]);
      });
      it(`L2: a retry loop looks at the deadline (${method}, ${shape})`, async () => {
        const id = `deadline-${method}-${shape}`;
        expect(await rejected(start(id, '300 ms').result())).include({ code: 'DEADLINE' });
        expect(gates.visits('attempt')).greaterThan(1);
        expect([(await engine.row(id))?.status, await engine.ledger()]).deep.equal(['CANCELLED', []]);
      });
    }
  }
});
