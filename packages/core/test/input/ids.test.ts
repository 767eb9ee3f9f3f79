import { Service, Transaction, Workflow, handleOf, start, workflowId } from '@apiary/core';
import { expect } from 'chai';
import { Engine, rejected } from '../support/engine.js';
import { storedRows } from '../support/stored.js';

let inside: () => unknown = () => undefined;

@Service()
class Flows {
  @Workflow()
  async id(): Promise<string> {
    return workflowId();
  }
  @Workflow()
  async body(): Promise<unknown> {
    return inside();
  }
  @Transaction()
  async transaction(): Promise<unknown> {
    return inside();
  }
  @Workflow()
  async family(depth: number): Promise<string[]> {
    const child = await start(Flows).id();
    return [workflowId(), child.workflowId, await child.result(), await this.id(), ...(depth === 0 ? [] : await this.family(depth - 1))];
  }
}

const bad: [string, unknown][] = [
  ['empty', ''],
  ['with NUL', 'a\0b'],
  ['with a lone surrogate', 'a\ud800b'],
  ['with another lone surrogate', '\udfff'],
  ['of 513 bytes', 'x'.repeat(513)],
  ['of 513 bytes in 171 characters', '€'.repeat(171)],
  ['of a million characters', 'x'.repeat(1_000_000)],
  ['a number', 7],
  ['null', null],
  ['an object', {}],
  ['a symbol', Symbol('x')],
  ['an array', ['a']],
];
const good: [string, string][] = [
  ['of 512 bytes', 'x'.repeat(512)],
  ['of 512 bytes in 128 characters', '😀'.repeat(128)],
  ['with quotes', `'"; drop table x; --`],
  ['of blanks', '  '],
  ['with line ends', 'a\nb\r\n'],
  ['__proto__', '__proto__'],
  ['constructor', 'constructor'],
  ['with a percent sign', '%_\\'],
  ['in another normal form', 'e\u0301'],
  ['in this normal form', '\u00e9'],
];

describe('ids as input', () => {
  let engine: Engine;
  before(async () => {
    engine = await Engine.start({ services: [Flows] });
  });
  after(() => engine.close());

  for (const [what, id] of bad) {
    it(`an id ${what} is INVALID_ID wherever it is given, and nothing is stored`, async () => {
      const given = { workflowId: id as string };
      await engine.app.start(Flows, { workflowId: 'origin' }).id().result();
      const before = await storedRows(engine.admin);
      const { app } = engine;
      const uses: (() => unknown)[] = [
        () => app.start(Flows, given).id().result(),
        () => app.start(Flows, given).id(),
        () => app.handle(id as string),
        () => app.handle('origin').fork({ from: '0', ...given }),
      ];
      for (const use of uses) {
        const error = await rejected((async () => use())());
        expect(error.code, String(use)).equal('INVALID_ID');
        expect(error.message.length).lessThan(600);
      }
      expect(await storedRows(engine.admin)).equal(before);
      for (const use of [() => start(Flows, given).id(), () => handleOf(id as string), () => handleOf('origin').fork({ from: '0', ...given })] as const) {
        inside = use;
        expect((await rejected(app.get(Flows).body())).code, String(use)).equal('INVALID_ID');
      }
      inside = () => start(Flows, given).id();
      expect((await rejected(app.get(Flows).transaction())).code).equal('INVALID_ID');
      expect(
        (await engine.admin.query(`select from apiary.workflow_status where parent_id is not null or forked_from is not null`)).rowCount,
        'no child, no fork',
      ).equal(0);
    });
  }

  for (const [what, id] of good) {
    it(`an id ${what} is stored and found as it is`, async () => {
      expect(await engine.app.start(Flows, { workflowId: id }).id().result()).equal(id);
      expect(await engine.app.handle(id).result()).equal(id);
      expect((await engine.app.list({ workflowId: id })).items.map((w) => w.workflowId)).deep.equal([id]);
      expect((await engine.app.list({ idPrefix: id })).items.map((w) => w.workflowId)).include(id);
    });
  }

  it('two normal forms of one text are two ids', async () => {
    expect((await engine.app.list({ workflowId: ['e\u0301', '\u00e9'] })).items.length).equal(2);
  });

  it('children of a workflow with the longest id have ids that can be given back, at any depth', async () => {
    const ids = await engine.app
      .start(Flows, { workflowId: 'é'.repeat(256) })
      .family(3)
      .result();
    expect(new Set(ids).size).equal(12); // a level has its own, that of a started and that of an inline child
    for (const id of ids) expect(await engine.app.handle(id).status()).equal('SUCCESS');
    const before = await storedRows(engine.admin);
    expect(
      await engine.app
        .start(Flows, { workflowId: 'é'.repeat(256) })
        .family(3)
        .result(),
    ).deep.equal(ids);
    expect(await storedRows(engine.admin)).equal(before);
  });
});
