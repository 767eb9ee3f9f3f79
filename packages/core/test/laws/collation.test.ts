import { Service, Transaction, Workflow } from '@apiary/core';
import { asAdmin, testServer, withDatabase } from '@apiary/testing/internal';
import { expect } from 'chai';
import { randomBytes } from 'node:crypto';
import { Engine, note } from '../support/engine.js';

@Service()
class Flows {
  @Transaction()
  async write(text: string): Promise<string> {
    await note(text);
    return text;
  }
  @Workflow()
  async twice(text: string): Promise<string> {
    return (await this.write(text)) + (await this.write(text));
  }
}

/** What a new version of ICU or of the operating system orders anew is an index that no longer finds what it holds, a unique one too. */
describe('the keys of records do not rest on the order of texts of the database', () => {
  const name = `apiary_test_${randomBytes(6).toString('hex')}`;
  let server: string;
  before(async () => {
    server = await testServer();
    await asAdmin(server, `create database ${name} template template0 encoding 'UTF8' locale 'C' locale_provider icu icu_locale 'en-US'`);
  });
  after(() => asAdmin(server, `drop database if exists ${name} with (force)`));

  it('in a database that orders texts by ICU, all that the engine keeps is ordered byte by byte', async () => {
    await using engine = await Engine.start({ services: [Flows] }, { connectionString: withDatabase(server, name) });
    const { rows: order } = await engine.admin.query<{ language: boolean }>("select 'a' < 'B' as language");
    expect(order, 'the order of the database').to.deep.equal([{ language: true }]);
    const { rows: others } = await engine.admin.query<{ place: string }>(
      `select c.relname || '.' || a.attname as place from pg_attribute a join pg_class c on c.oid = a.attrelid
       where c.relnamespace = 'apiary'::regnamespace and a.attcollation not in (0, '"C"'::regcollation) order by 1`,
    );
    expect(others, 'what is ordered in another way').to.deep.equal([]);

    const ids = ['a', 'B', 'é', '_', 'Z'];
    for (const id of [...ids, ...ids]) expect(await engine.app.start(Flows, { workflowId: id }).twice(id).result()).to.equal(id + id);
    const { rows: effects } = await engine.admin.query<{ id: string; n: number }>(
      'select workflow_id as id, count(*)::int as n from ledger group by 1 order by min(entry)',
    );
    expect(effects).to.deep.equal(ids.map((id) => ({ id, n: 2 })));
    const { rows: kept } = await engine.admin.query<{ id: string }>('select distinct workflow_id as id from apiary.function_status order by 1');
    expect(kept.map((row) => row.id)).to.deep.equal([...ids].sort());
  });
});
