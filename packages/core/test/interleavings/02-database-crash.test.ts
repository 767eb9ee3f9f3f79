import { Communicator, Service, Transaction, Workflow, db, sql } from '@apiary/core';
import { Postgres15, postgres15Missing, until } from '@apiary/testing/internal';
import { expect } from 'chai';
import pg from 'pg';
import { Engine, note } from '../support/engine.js';
import { Gates } from '../support/gates.js';

const gates = new Gates();

@Service()
class Steps {
  @Transaction()
  async write(label: string): Promise<string> {
    await note(label);
    return label;
  }
  /** As much as user code can do against its own durability. */
  @Transaction()
  async careless(label: string): Promise<string> {
    await sql`set local synchronous_commit = off`;
    await db.raw('set synchronous_commit = off');
    await note(label);
    return label;
  }
  @Communicator()
  async call(label: string): Promise<string> {
    await gates.at(label);
    return label;
  }
}

@Service()
class Flows {
  constructor(private readonly steps: Steps) {}
  @Workflow()
  async inLastCommit(label: string): Promise<string> {
    await this.steps.write(`${label} 1`);
    return this.steps.write(`${label} 2`);
  }
  @Workflow()
  async byJournal(label: string): Promise<string> {
    await this.steps.write(label);
    return this.steps.call(label);
  }
}

describe('INTERLEAVING 2: the database crashes right after an answer, the executor survives', function () {
  this.timeout(120_000);
  before(function () {
    const missing = postgres15Missing();
    if (missing !== undefined) {
      console.warn(`      ${missing}`);
      this.skip();
    }
  });
  beforeEach(() => gates.reset());

  it('INTERLEAVING 2: every outcome that was answered is there, and nothing is PENDING for ever', async () => {
    // Asynchronous commits by default, and a writer that leaves them in memory as long as it may: what is not synchronous is lost.
    await using server = await Postgres15.create({ settings: { synchronous_commit: 'off', wal_writer_delay: '10s', fsync: 'on', max_connections: 60 } });
    const client = async (): Promise<pg.Client> => {
      const made = new pg.Client({ connectionString: server.connectionString() });
      made.on('error', () => {});
      await made.connect();
      return made;
    };
    await using engine = await Engine.start({ services: [Flows], lease: '20 seconds' }, { connectionString: server.connectionString() });
    const { app } = engine;
    let expected: string[] = [];
    let roundsLost = 0;
    for (let round = 0; round < 3; round++) {
      gates.reset();
      gates.close(`held ${round}`);
      const admin = await client();
      // What is lost shows that the crash takes what is not synchronous.
      await admin.query('create table if not exists lost (round int)');
      const held = app
        .start(Flows, { workflowId: `held-${round}` })
        .byJournal(`held ${round}`)
        .result();
      held.catch(() => {}); // should an expectation fail before it is awaited
      await gates.reached(`held ${round}`);
      const answers = await Promise.all([
        app
          .start(Flows, { workflowId: `commit-${round}` })
          .inLastCommit(`c${round}`)
          .result(),
        app
          .start(Flows, { workflowId: `journal-${round}` })
          .byJournal(`j${round}`)
          .result(),
        app
          .start(Steps, { workflowId: `careless-${round}` })
          .careless(`x${round}`)
          .result(),
        app.start(Flows, { workflowId: `started-${round}` }).byJournal(`held ${round}`),
      ]);
      expect(answers.slice(0, 3)).deep.equal([`c${round} 2`, `j${round}`, `x${round}`]);
      await admin.query('insert into lost values ($1)', [round]);
      await server.crash();
      await server.start();
      const after = await client();
      if ((await after.query('select from lost where round = $1', [round])).rowCount === 0) roundsLost++;
      const { rows } = await after.query<{ id: string; status: string }>(
        `select workflow_id as id, status from apiary.workflow_status where workflow_id like $1 order by 1`,
        [`%-${round}`],
      );
      expect(rows).deep.equal([
        { id: `careless-${round}`, status: 'SUCCESS' },
        { id: `commit-${round}`, status: 'SUCCESS' },
        { id: `held-${round}`, status: 'PENDING' },
        { id: `journal-${round}`, status: 'SUCCESS' },
        { id: `started-${round}`, status: 'PENDING' },
      ]);
      // The executor goes on, and what it had under way ends.
      gates.open(`held ${round}`);
      expect(await held).equal(`held ${round}`);
      expect(await app.handle(`started-${round}`).result()).equal(`held ${round}`);
      expect(await app.get(Flows).inLastCommit(`n${round}`)).equal(`n${round} 2`);
      expected = [...expected, `c${round} 1`, `c${round} 2`, `j${round}`, `x${round}`, `held ${round}`, `held ${round}`, `n${round} 1`, `n${round} 2`];
      const ledger = (await after.query<{ step: string }>('select step from ledger')).rows.map((r) => r.step);
      expect(ledger.sort()).deep.equal([...expected].sort());
      await until('nothing is pending', async () => (await after.query(`select from apiary.workflow_status where status = 'PENDING'`)).rowCount === 0);
      await after.end();
    }
    // Another commit may take it along to the disk now and then.
    expect(roundsLost, 'rounds in which the crash took what was asynchronous').greaterThan(0);
  });
});
