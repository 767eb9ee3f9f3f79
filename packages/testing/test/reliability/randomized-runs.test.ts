import { check, checkIndexes, Cluster, experiments, Postgres15, postgres15Missing, runOnce } from '@apiary/testing/internal';
import { expect } from 'chai';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import pg from 'pg';

const named = (name: string) => {
  const found = experiments.find((experiment) => experiment.name === name);
  if (found === undefined) throw new Error(`no experiment ${name}`);
  return found;
};

describe('randomized runs', function () {
  this.timeout(180_000);

  // `npm run reliability` runs all of them, as often as docs/reliability.md says.
  for (const name of ['E4', 'E9', 'E21'])
    it(`${name}: ${named(name).fault}: nothing lost, doubled or stuck`, async () => {
      const result = await runOnce(named(name), 1, 4);
      expect(result.problems, `seed 1, ${JSON.stringify(result.hits)}`).deep.equal([]);
      expect(result.verdict).equal('holds');
      expect(result.workflows).greaterThan(20);
    });

  it(`E10: ${named('E10').fault}: seen from elsewhere within a poll and 100 ms`, async () => {
    const result = await runOnce(named('E10'), 1, 5);
    expect(result.problems, `seed 1, ${JSON.stringify(result.hits)}`).deep.equal([]);
    expect(result.verdict).equal('holds');
  });

  it(`E14: ${named('E14 log').fault}: nothing lost, and the executors go on`, async function () {
    const result = await runOnce(named('E14 log'), 1, 2);
    if (result.verdict === 'not run') {
      console.log(`      ${result.problems.join('; ')}`);
      this.skip();
    }
    expect(result.problems, `seed 1, ${JSON.stringify(result.hits)}`).deep.equal([]);
    expect(result.verdict).equal('holds');
  });

  it(`E15: ${named('E15').fault}: comes back or is refused`, async () => {
    const result = await runOnce(named('E15'), 1, 0);
    expect(result.problems, `seed 1, ${JSON.stringify(result.hits)}`).deep.equal([]);
    expect(result.verdict).equal('holds');
  });

  it('amcheck finds an index that was damaged', async function () {
    const missing = postgres15Missing();
    if (missing !== undefined) this.skip();
    await using server = await Postgres15.create();
    const asked = async <T>(work: (client: pg.Client) => Promise<T>): Promise<T> => {
      const client = new pg.Client({ connectionString: server.connectionString() });
      await client.connect();
      try {
        return await work(client);
      } finally {
        await client.end();
      }
    };
    const file = await asked(async (client) => {
      await client.query('create table t as select n from generate_series(1, 1000) n; create index on t (n); checkpoint');
      expect((await checkIndexes(client)).violations).deep.equal([]);
      return (await client.query<{ path: string }>(`select pg_relation_filepath('t_n_idx') as path`)).rows[0]?.path ?? '';
    });
    await server.stop();
    const bytes = readFileSync(join(server.dataDirectory, file));
    // the keys of the first leaf, in its last bytes but those of the page's own
    bytes.fill(0x7f, 2 * 8192 - 200, 2 * 8192 - 100);
    writeFileSync(join(server.dataDirectory, file), bytes);
    await server.start();
    const { violations } = await asked(checkIndexes);
    expect(violations.map(({ invariant }) => invariant)).deep.equal(['I17']);
    expect(JSON.stringify(violations)).include('t_n_idx');
  });

  it('the checks find an effect that was doubled, one that was lost, and a workflow that was forgotten', async () => {
    const cluster = await Cluster.start({ seed: 2, executors: 1, orders: { kinds: ['quick'] } });
    try {
      const [member] = cluster.alive;
      if (member === undefined) throw new Error('no executor');
      while ((await cluster.withAdmin((client) => client.query('select from bank.ledger'))).rowCount === 0) await new Promise((r) => setTimeout(r, 20));
      await cluster.quiesce(60_000);
      await cluster.end(member);
      const found = async (): Promise<string[]> => [...new Set((await check(cluster)).violations.map(({ invariant }) => invariant))].sort();
      expect(await found()).deep.equal([]);
      await cluster.withAdmin(async (client) => {
        const { rows } = await client.query<{ id: string }>('select distinct workflow_id as id from bank.ledger order by 1 limit 1');
        const id = rows[0]?.id;
        await client.query(
          'insert into bank.ledger (workflow_id, step, account, delta) select workflow_id, step, account, delta from bank.ledger where workflow_id = $1',
          [id],
        );
        expect(await found()).include.members(['I1', 'I2', 'I3']);
        await client.query('delete from bank.ledger where workflow_id = $1', [id]);
        expect(await found()).include.members(['I1', 'I2', 'I4']);
        await client.query('delete from apiary.workflow_status where workflow_id = $1', [id]);
        expect(await found()).include.members(['I5', 'I7']);
      });
    } finally {
      await cluster.remove();
    }
  });
});
