/** A direct call that only reads leaves nothing that its row has to vouch for: the value is told first, the row follows in company. */
import { Service, sql, Transaction, workflowId } from '@apiary/core';
import { runningOf } from '@apiary/core/internal';
import { crash, executes, Meter, until } from '@apiary/testing/internal';
import { expect } from 'chai';
import { Engine, rejected } from '../support/engine.js';
import { fence } from '../support/fence.js';

@Service()
class Shelf {
  @Transaction({ readOnly: true })
  async count(): Promise<number> {
    return (await sql<{ n: number }>`select count(*)::int as n from spot`.one()).n;
  }
  @Transaction({ readOnly: true })
  async whoAmI(): Promise<string> {
    await sql`select 1`;
    return workflowId();
  }
  @Transaction({ readOnly: true })
  async missing(): Promise<never> {
    throw new RangeError('no such thing');
  }
  @Transaction({ readOnly: true })
  async long(bytes: number): Promise<string> {
    return (await sql<{ text: string }>`select repeat('x', ${bytes}) as text`.one()).text;
  }
}

const write = /^insert into "apiary"\.workflow_status/;

describe('direct calls that only read', () => {
  let engine: Engine;
  let shelf: Shelf;
  const meter = new Meter();
  const start = async (linger: string, proxied = false): Promise<void> => {
    engine = await Engine.start({ services: [Shelf], linger } as never, { proxied, internals: { probe: meter.probe } });
    shelf = engine.app.get(Shelf);
    meter.reset();
  };
  afterEach(() => engine.close());

  const stored = async (): Promise<{ name: string; status: string; output: string | null; error: string | null; executor_id: string }[]> =>
    (await engine.admin.query('select name, status, output, error, executor_id from apiary.workflow_status order by created_at, workflow_id')).rows;

  it('the value is told before the row is written, and the rows of many go together', async () => {
    await start('10 seconds');
    for (let i = 0; i < 30; i++) expect(await shelf.count()).equal(0);
    expect(meter.of('journal').writes).equal(0);
    expect(await stored()).deep.equal([]);
    const { items } = await engine.app.list({ name: 'Shelf.count' });
    expect(items.map(({ status }) => status)).deep.equal(Array(30).fill('SUCCESS'));
    expect(meter.of('journal')).include({ writes: 1, commits: 1 });
    expect((await stored()).map(({ output }) => output)).deep.equal(Array(30).fill('0'));
  });

  it('the row goes by itself when it has waited for company as long as a record does', async () => {
    await start('10 ms');
    await shelf.count();
    await until('the row is there', async () => (await stored()).length === 1);
  });

  it('its handle finds the row, however early it asks', async () => {
    await start('10 seconds');
    const [one, two] = [await shelf.whoAmI(), await shelf.whoAmI()];
    expect(await engine.app.handle(one).status()).equal('SUCCESS');
    const three = await shelf.whoAmI();
    expect(await stored()).length(2);
    expect(await engine.app.handle(three).result()).equal(three);
    expect(await engine.app.handle(two).result()).equal(two);
    const four = await shelf.whoAmI();
    expect(await stored()).length(3);
    expect(await (await engine.app.handle(four).fork({ from: '0' })).result()).not.equal(four);
  });

  it('an error is told first as well, and recorded', async () => {
    await start('10 seconds');
    expect(await rejected(shelf.missing()))
      .instanceOf(RangeError)
      .include({ message: 'no such thing' });
    expect(await stored()).deep.equal([]);
    await engine.app.list();
    expect((await stored()).map(({ status }) => status)).deep.equal(['ERROR']);
  });

  it('much that was read waits for nobody', async () => {
    await start('10 seconds');
    await shelf.long(1024 * 1024);
    await runningOf(engine.app).executor.journal.idle();
    expect(await stored()).length(1);
  });

  it('a shutdown writes the rows', async () => {
    await start('10 seconds');
    await shelf.count();
    expect(await stored()).deep.equal([]);
    await engine.app.shutdown();
    expect(await stored()).length(1);
  });

  it('a process that is killed before leaves nothing that anybody runs again', async () => {
    await start('10 seconds');
    await shelf.count();
    await crash(engine.app);
    expect(await stored()).deep.equal([]);
  });

  it('with an id of the caller, who may ask again, the row comes first', async () => {
    await start('10 seconds');
    expect(await engine.app.start(Shelf, { workflowId: 'mine' }).count().result()).equal(0);
    await crash(engine.app);
    expect((await stored()).map(({ status, output }) => [status, output])).deep.equal([['SUCCESS', '0']]);
    await engine.admin.query(`insert into spot values ('a', 1)`);
    const other = await engine.another();
    expect(await other.start(Shelf, { workflowId: 'mine' }).count().result()).equal(0);
  });

  it('an executor that was fenced meanwhile writes them under the id that it has then', async () => {
    await start('10 seconds', true);
    await shelf.count();
    const held = engine.proxy.add({ on: 'request', is: executes(write), fault: { kind: 'hold request' } });
    const listed = engine.app.list().then(({ items }) => items.length);
    await held.hit;
    await shelf.whoAmI();
    const [, now] = await fence(engine);
    await listed;
    await engine.app.list();
    expect((await stored()).map((row) => row.executor_id)).deep.equal([now, now]);
  });

  it('a row that the database refuses does not take the others with it', async () => {
    await start('10 seconds');
    await engine.admin.query(`
      create function no_longs() returns trigger language plpgsql as $$ begin raise 'no longs'; end $$;
      create trigger no_longs before insert on apiary.workflow_status for each row when (new.name = 'Shelf.long') execute function no_longs()`);
    await shelf.count();
    await shelf.long(3);
    await shelf.whoAmI();
    await engine.app.list();
    expect((await stored()).map(({ name }) => name)).have.members(['Shelf.count', 'Shelf.whoAmI']);
  });

  it('a lost answer writes none of them twice', async () => {
    await start('10 seconds', true);
    await shelf.count();
    const lost = engine.proxy.add({ on: 'request', is: executes(write), fault: { kind: 'lose answer' } });
    await shelf.count();
    await engine.app.list();
    await lost.hit;
    expect(await stored()).length(2);
  });
});
