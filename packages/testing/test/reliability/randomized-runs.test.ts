import { check, Cluster, experiments, runOnce } from '@apiary/testing/internal';
import { expect } from 'chai';

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
