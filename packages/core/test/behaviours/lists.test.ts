import { Service, Workflow, type WorkflowFilter } from '@apiary/core';
import { runningOf } from '@apiary/core/internal';
import { expect } from 'chai';
import { Engine, rejected } from '../support/engine.js';
import { Gates } from '../support/gates.js';

const gates = new Gates();
let broken = false;

@Service()
class Flows {
  @Workflow()
  async fine(n: number): Promise<number> {
    return n;
  }
  @Workflow()
  async fails(): Promise<string> {
    if (broken) throw new Error('as asked');
    return 'mended';
  }
  @Workflow()
  async stops(): Promise<string> {
    await gates.at('stops');
    await this.step();
    return 'done';
  }
  @Workflow()
  async step(): Promise<void> {}
}

describe('lists and selections', () => {
  let engine: Engine;
  before(async () => {
    engine = await Engine.start({ services: [Flows] });
    for (let i = 0; i < 25; i++) await engine.app.start(Flows, { workflowId: `l-${String(i).padStart(2, '0')}` }).fine(i);
    await engine.app.start(Flows, { workflowId: '50%_\\x' }).fine(0).result();
    await engine.app.start(Flows, { workflowId: '50xx' }).fine(0).result();
    for (let i = 0; i < 25; i++) await engine.app.handle(`l-${String(i).padStart(2, '0')}`).result();
    // Rows of one instant: the id decides their order.
    await engine.admin.query(
      `update apiary.workflow_status set created_at = '2024-02-29T12:00:00.123456Z' where workflow_id in ('l-05', 'l-06', 'l-07', 'l-08')`,
    );
  });
  after(() => engine.close());
  const ids = async (filter: WorkflowFilter): Promise<string[]> => (await engine.app.list(filter)).items.map((w) => w.workflowId);
  const all = async (filter: WorkflowFilter): Promise<string[]> => {
    const out: string[] = [];
    for await (const { workflowId } of engine.app.list(filter)) out.push(workflowId);
    return out;
  };

  it('filters by id, prefix, name, status, version, executor, parent and time, and by all of them together', async () => {
    const me = runningOf(engine.app).executor.id;
    expect(await ids({ workflowId: 'l-03' })).deep.equal(['l-03']);
    expect((await ids({ workflowId: ['l-03', 'l-04', 'nobody'] })).sort()).deep.equal(['l-03', 'l-04']);
    expect(await ids({ workflowId: [] })).deep.equal([]);
    expect(await ids({ idPrefix: '50%_\\' }), 'no character of a prefix is a pattern').deep.equal(['50%_\\x']);
    expect((await ids({ idPrefix: '50' })).length).equal(2);
    expect((await ids({ name: 'Flows.fine' })).length).equal(27);
    expect(await ids({ name: ['Flows.fails', 'Flows.stops'] })).deep.equal([]);
    expect((await ids({ status: ['SUCCESS', 'ERROR'], version: 'test', executorId: me, idPrefix: 'l-' })).length).equal(25);
    expect(await ids({ status: 'PENDING' })).deep.equal([]);
    expect(await ids({ version: 'other' })).deep.equal([]);
    expect(await ids({ parentId: 'l-01' })).deep.equal([]);
    const leap = new Date('2024-03-01');
    expect((await ids({ createdBefore: leap })).sort()).deep.equal(['l-05', 'l-06', 'l-07', 'l-08']);
    expect((await ids({ createdAfter: leap, idPrefix: 'l-' })).length).equal(21);
    expect(await ids({ createdAfter: new Date(Date.now() + 3_600_000) })).deep.equal([]);
    expect((await ids({ status: undefined, idPrefix: undefined })).length).equal(27);
  });

  it('newest first, or oldest first; ties by id', async () => {
    expect(await ids({ createdBefore: new Date('2024-03-01') })).deep.equal(['l-08', 'l-07', 'l-06', 'l-05']);
    const oldest = await ids({ order: 'oldest', idPrefix: 'l-' });
    expect(oldest.slice(0, 5)).deep.equal(['l-05', 'l-06', 'l-07', 'l-08', 'l-00']);
    expect(await ids({ order: 'newest', idPrefix: 'l-' })).deep.equal([...oldest].reverse());
  });

  it('keyset pages: none skipped or doubled, also over ties, and when rows come in between', async () => {
    for (const order of ['newest', 'oldest'] as const) {
      const seen: string[] = [];
      let after: string | undefined;
      let pages = 0;
      do {
        const page = await engine.app.list({ idPrefix: 'l-', limit: 3, order, after });
        expect(page.items.length).within(1, 3);
        seen.push(...page.items.map((w) => w.workflowId));
        after = page.next;
        pages++;
        if (pages === 2) await engine.app.start(Flows).fine(0).result();
      } while (after !== undefined);
      expect(pages).equal(9);
      expect(seen).deep.equal(await ids({ idPrefix: 'l-', order }));
    }
  });

  it('a page that is just full has no next one', async () => {
    expect((await engine.app.list({ idPrefix: 'l-', limit: 25 })).next).equal(undefined);
    expect((await engine.app.list({ idPrefix: 'l-', limit: 24 })).next).not.equal(undefined);
  });

  it('iterated over it gives all, page by page, and may be left early', async () => {
    expect(await all({ idPrefix: 'l-', limit: 4 })).deep.equal(await ids({ idPrefix: 'l-' }));
    expect(await all({ idPrefix: 'nobody' })).deep.equal([]);
    const listing = engine.app.list({ idPrefix: 'l-', limit: 4 });
    for await (const first of listing) {
      expect(first.workflowId).equal('l-24');
      break;
    }
    expect((await listing).items.length).equal(4);
  });

  const bad: [string, unknown, string][] = [
    ['an unknown key', { state: 'DEAD' }, 'filter.state'],
    ['an unknown status', { status: 'DONE' }, 'filter.status'],
    ['a status in a list', { status: ['DEAD', 'x'] }, 'filter.status'],
    ['a number as id', { workflowId: 7 }, 'filter.workflowId'],
    ['an id in a list', { workflowId: ['a', null] }, 'filter.workflowId.1'],
    ['NUL in a prefix', { idPrefix: 'a\0' }, 'filter.idPrefix'],
    ['a lone surrogate', { name: '\ud800' }, 'filter.name'],
    ['a list of parents', { parentId: ['a'] }, 'filter.parentId'],
    ['a text as time', { createdAfter: '2024-01-01' }, 'filter.createdAfter'],
    ['an invalid date', { createdBefore: new Date(Number.NaN) }, 'filter.createdBefore'],
    ['no limit', { limit: 0 }, 'filter.limit'],
    ['a limit too high', { limit: 1001 }, 'filter.limit'],
    ['a broken limit', { limit: 1.5 }, 'filter.limit'],
    ['an order', { order: 'random' }, 'filter.order'],
    ['a made-up cursor', { after: 'x' }, 'filter.after'],
    ['a cursor of something else', { after: Buffer.from('["now","x"]').toString('base64url') }, 'filter.after'],
    ['a cursor with NUL', { after: Buffer.from('["2024-01-01","a\\u0000"]').toString('base64url') }, 'filter.after'],
    ['null', null, 'filter'],
    ['a text', 'DEAD', 'filter'],
  ];
  for (const [what, filter, path] of bad) {
    it(`refuses ${what}: CONFIG at ${path}, before a query is sent`, () => {
      expect(() => engine.app.list(filter as WorkflowFilter))
        .throw()
        .include({ code: 'CONFIG' })
        .property('details')
        .property('path')
        .equal(path);
    });
  }

  describe('cancel and resume of many', () => {
    beforeEach(() => {
      gates.reset();
      broken = false;
    });

    it('cancels what is selected and can be cancelled, and gives their number', async () => {
      gates.close('stops');
      const stopped = await Promise.all([0, 1, 2].map((i) => engine.app.start(Flows, { workflowId: `c-${i}` }).stops()));
      const spared = await engine.app.start(Flows, { workflowId: 'd-0' }).stops();
      await gates.reached('stops', 4);
      expect(await engine.app.cancel({ idPrefix: 'c-' })).equal(3);
      expect(await engine.app.cancel({ idPrefix: 'l-' }), 'all ended').equal(0);
      gates.open('stops');
      for (const handle of stopped) expect((await rejected(handle.result())).code).equal('CANCELLED');
      expect(await spared.result()).equal('done');
      expect(await engine.app.resume({ idPrefix: 'c-', status: 'CANCELLED' })).equal(3);
      expect(await Promise.all(stopped.map((handle) => handle.result()))).deep.equal(['done', 'done', 'done']);
    });

    it('more than a batch', async () => {
      broken = true;
      await Promise.all(
        Array.from({ length: 1100 }, (_, i) =>
          rejected(
            engine.app
              .start(Flows, { workflowId: `many-${i}` })
              .fails()
              .result(),
          ),
        ),
      );
      broken = false;
      expect(await engine.app.resume({ name: 'Flows.fails', status: 'ERROR' })).equal(1100);
      await Promise.all(Array.from({ length: 1100 }, (_, i) => engine.app.handle(`many-${i}`).result()));
      expect((await engine.admin.query(`select from apiary.workflow_status where name = 'Flows.fails' and status = 'SUCCESS'`)).rowCount).equal(1100);
    });

    it('{ all: true } means all', async () => {
      gates.close('stops');
      const handle = await engine.app.start(Flows, { workflowId: 'all' }).stops();
      await gates.reached('stops');
      expect(await engine.app.cancel({ all: true })).equal(1);
      gates.open('stops');
      expect((await rejected(handle.result())).code).equal('CANCELLED');
    });

    const refused: [string, unknown, string][] = [
      ['nothing', {}, 'selection'],
      ['undefined in it', { workflowId: undefined }, 'selection.workflowId'],
      ['undefined beside a condition', { name: 'x', status: undefined }, 'selection.status'],
      ['all: false', { all: false }, 'selection.all'],
      ['a page', { status: 'PENDING', limit: 3 }, 'selection.limit'],
      ['an order', { all: true, order: 'newest' }, 'selection.order'],
      ['an unknown key', { id: 'x' }, 'selection.id'],
      ['a bad value', { workflowId: 7 }, 'selection.workflowId'],
      ['no object', undefined, 'selection'],
      ['a text', 'all', 'selection'],
    ];
    for (const [what, selection, path] of refused) {
      it(`refuses ${what}: CONFIG at ${path}`, async () => {
        for (const verb of ['cancel', 'resume'] as const) {
          expect(await rejected(engine.app[verb](selection as never)))
            .include({ code: 'CONFIG' })
            .property('details')
            .property('path')
            .equal(path);
        }
      });
    }
  });
});
