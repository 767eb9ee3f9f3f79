import { Procedure, Service, sql, workflowId } from '@apiary/core';
import { runningOf } from '@apiary/core/internal';
import { exploreInterleavings, scenario } from '@apiary/testing';
import { expect } from 'chai';
import type { Knex } from 'knex';

@Service()
class Counters {
  @Procedure()
  add(id: number) {
    return sql.batch(
      sql`insert into entry (call, counter) values (${workflowId()}, ${id})`,
      sql<{ n: number }>`update counter set n = n + 1 where id = ${id} returning n`.one(),
    );
  }
}

const tables = async (knex: Knex): Promise<void> => {
  await knex.raw(`create table counter (id int primary key, n int not null); create table entry (call text not null, counter int not null);
    insert into counter select i, 0 from generate_series(0, 3) i`);
};

describe('concurrent calls of @Procedures', function () {
  this.timeout(120_000);

  it('take effect once each under seeded faults, by two executors that are asked for the same ones', async () => {
    let members = 0;
    const calls = Array.from({ length: 12 }, (_, i) => i);
    await exploreInterleavings(
      scenario({
        services: [Counters],
        migrations: tables,
        act: async (app) => {
          const values = await Promise.all(
            calls.map((i) =>
              app
                .start(Counters, { workflowId: `c${i}` })
                .add(i % 4)
                .result(),
            ),
          );
          members += runningOf(app).executor.sharedFlights.counters.members;
          return values;
        },
        assert: async (app) => {
          expect(await app.knex('counter').orderBy('id').pluck('n')).to.deep.equal([3, 3, 3, 3]);
          expect(await app.knex('entry').orderByRaw('length(call), call').pluck('call')).to.deep.equal(calls.map((i) => `c${i}`));
        },
      }),
      { seeds: 8 },
    );
    expect(members, 'calls that shared a flight').to.be.greaterThan(30);
  });
});
