import { Communicator, Service, Transaction, Workflow, handleOf, start, workflowId } from '@apiary/core';
import { until } from '@apiary/testing/internal';
import { expect } from 'chai';
import { abandon } from '../support/abandon.js';
import { Engine, note, rejected } from '../support/engine.js';
import { Gates } from '../support/gates.js';

const gates = new Gates();
let inside: () => unknown = () => undefined;
let broken = true;

@Service()
class Flows {
  @Transaction()
  async write(text: string): Promise<string> {
    await note(text);
    return text;
  }
  @Communicator({ retry: { maxAttempts: 1 } })
  async tell(text: string): Promise<string> {
    return `${text} told`;
  }
  @Workflow()
  async work(text: string): Promise<string> {
    await gates.at('work');
    return this.write(text);
  }
  @Workflow()
  async fails(): Promise<string> {
    await gates.at('fails');
    if (broken) throw new TypeError('as asked');
    return 'mended';
  }
  @Workflow()
  async body(): Promise<unknown> {
    const value = await inside();
    await gates.at('body');
    return value;
  }
  @Transaction()
  async outbox(text: string, fail = false): Promise<string> {
    await note('outbox');
    const handle = await start(Flows).work(text);
    if (fail) throw new Error('rolled back');
    return handle.workflowId;
  }
  @Transaction()
  async outboxTwice(): Promise<string[]> {
    return [(await start(Flows, { workflowId: 'outbox-fixed' }).work('fixed')).workflowId, (await start(Flows).work('default')).workflowId];
  }
}

describe('starts and handles', () => {
  let engine: Engine;
  const unhandled: unknown[] = [];
  const listener = (error: unknown): void => void unhandled.push(error);
  before(async () => {
    engine = await Engine.start({ services: [Flows] });
    process.on('unhandledRejection', listener);
  });
  after(async () => {
    await engine.close();
    process.removeListener('unhandledRejection', listener);
  });
  beforeEach(async () => {
    gates.reset();
    broken = true;
    await engine.clear();
  });
  afterEach(async () => {
    await new Promise((resolve) => setTimeout(resolve, 1)); // when Node has told of them all
    expect(unhandled.splice(0), 'unhandled rejections').deep.equal([]);
  });
  const rows = async (): Promise<number> => Number((await engine.admin.query('select count(*) as n from apiary.workflow_status')).rows[0].n);

  describe('Started', () => {
    it('awaited it is the handle, and its start is durable then', async () => {
      gates.close('work');
      const handle = await engine.app.start(Flows, { workflowId: 's-handle' }).work('x');
      expect([handle.workflowId, (await engine.row('s-handle'))?.status]).deep.equal(['s-handle', 'PENDING']);
      gates.open('work');
      expect(await handle.result()).equal('x');
    });

    it('.result() alone gives the outcome; both may be taken, in any order, and more than once', async () => {
      expect(await engine.app.start(Flows).work('x').result()).equal('x');
      const started = engine.app.start(Flows, { workflowId: 's-both' }).work('y');
      const [a, b, handle, again] = await Promise.all([started.result(), started.result(), started, started]);
      expect([a, b, handle.workflowId, again]).deep.equal(['y', 'y', 's-both', handle]);
      expect(await engine.ledger('s-both')).deep.equal(['y']);
    });

    it('nothing taken: it starts all the same', async () => {
      void engine.app.start(Flows, { workflowId: 's-nothing' }).work('x');
      await until('it has ended', async () => (await engine.row('s-nothing'))?.status === 'SUCCESS');
    });

    it('a start that fails rejects what was taken of it, and nothing else', async () => {
      await engine.app.start(Flows, { workflowId: 's-taken' }).work('mine').result();
      const wrong = () => engine.app.start(Flows, { workflowId: 's-taken' }).work('theirs');
      expect((await rejected(wrong().result())).code).equal('CONFLICT');
      expect((await rejected(Promise.resolve(wrong()))).code).equal('CONFLICT');
      expect((await rejected(wrong().catch((error: unknown) => Promise.reject(error as Error)))).code).equal('CONFLICT');
      expect((await rejected(wrong().finally(() => {}))).code).equal('CONFLICT');
      void wrong(); // nobody asked: it is logged
      const unsendable = () => engine.app.start(Flows).work((() => {}) as never);
      expect((await rejected(unsendable().result())).code).equal('NOT_RECORDABLE');
      expect((await rejected(Promise.resolve(unsendable()))).code).equal('NOT_RECORDABLE');
      void unsendable();
      await new Promise((resolve) => setTimeout(resolve, 20));
    });

    it('a failed run rejects result() with its error, and not the handle', async () => {
      const handle = await engine.app.start(Flows).fails();
      expect(await rejected(handle.result())).include({ name: 'TypeError', message: 'as asked' });
      expect(await rejected(engine.app.start(Flows).fails().result())).include({ message: 'as asked' });
      await engine.app.start(Flows).fails(); // the result is not asked for
    });

    it('the caller may change its arguments after the call', async () => {
      @Service()
      class Takes {
        @Workflow()
        async take(given: { n: number }): Promise<number> {
          await gates.at('take');
          return given.n;
        }
      }
      const app = await engine.another({ services: [Takes] });
      const given = { n: 1 };
      const started = app.start(Takes).take(given);
      const result = started.result();
      given.n = 2;
      expect(await result).equal(1);
      await app.shutdown({ grace: 0 });
    });
  });

  describe('start in a workflow', () => {
    it('makes a child: durable when awaited, with the id of the parent and the step; result() is a recorded step', async () => {
      inside = async () => {
        const handle = await start(Flows).work('child');
        return [handle.workflowId, await handle.result(), await start(Flows).work('second').result()];
      };
      const parent = await engine.app.start(Flows, { workflowId: 's-parent' }).body();
      expect(await parent.result()).deep.equal(['s-parent-0', 'child', 'second']);
      expect((await parent.steps()).map((s) => [s.stepId, s.kind, s.name, s.childId])).deep.equal([
        ['0', 'workflow', 'start(Flows.work)', 's-parent-0'],
        ['1', 'workflow', 'result', 's-parent-0'],
        ['2', 'workflow', 'start(Flows.work)', 's-parent-2'],
        ['3', 'workflow', 'result', 's-parent-2'],
      ]);
      expect(await engine.app.handle('s-parent-0').info()).include({ parentId: 's-parent', status: 'SUCCESS' });
    });

    it('a child outlives a parent that does not wait', async () => {
      gates.close('work');
      inside = async () => (await start(Flows).work('later')).workflowId;
      const id = (await engine.app.start(Flows).body().result()) as string;
      gates.open('work');
      expect(await engine.app.handle(id).result()).equal('later');
    });

    it('a failed child rejects what was taken; a result that nobody awaits fails the workflow as a floating call', async () => {
      inside = () => start(Flows).fails().result();
      expect(await rejected(engine.app.get(Flows).body())).include({ message: 'as asked' });
      gates.close('fails');
      inside = async () => {
        void start(Flows).fails().result();
        await start(Flows, { workflowId: 's-beside' }).work('x');
      };
      const floating = rejected(engine.app.get(Flows).body());
      await gates.reached('fails', 2);
      await gates.reached('body');
      gates.open('fails');
      expect((await floating).code).equal('FLOATING_CALL');
    });

    it('a body that has ended waits for no other workflow: its error is told while the child still works', async () => {
      gates.close('work');
      const child = () => start(Flows, { workflowId: 's-slow' });
      inside = () => Promise.all([child().work('slow').result(), start(Flows).fails().result()]);
      expect(await rejected(engine.app.start(Flows, { workflowId: 's-all' }).body().result())).include({ message: 'as asked' });
      inside = () => void child().work('slow').result();
      expect(await rejected(engine.app.get(Flows).body())).include({ code: 'FLOATING_CALL' });
      expect(await engine.app.handle('s-slow').status()).equal('PENDING');
      gates.open('work');
      expect(await engine.app.handle('s-slow').result()).equal('slow');
      expect((await engine.records('s-all')).map(({ name }) => name)).deep.equal(['start(Flows.work)', 'result', 'start(Flows.fails)', 'result']);
    });

    it('many results awaited at once are no leak to Node', async () => {
      const warnings: Error[] = [];
      const warned = (warning: Error): void => void warnings.push(warning);
      process.on('warning', warned);
      gates.close('work');
      inside = () => Promise.all(Array.from({ length: 20 }, (_, i) => start(Flows).work(`w${i}`).result()));
      const results = engine.app.get(Flows).body();
      await gates.reached('work', 20);
      gates.open('work');
      expect(await results).length(20);
      process.off('warning', warned);
      expect(warnings).deep.equal([]);
    });

    it('arguments that cannot be sent reject it, and no child is stored', async () => {
      const before = await rows();
      inside = () => start(Flows).work((() => {}) as never);
      expect((await rejected(engine.app.get(Flows).body())).code).equal('NOT_RECORDABLE');
      expect(await rows()).equal(before + 1);
    });
  });

  describe('start in a @Transaction', () => {
    it('exists when the transaction commits, under the id of the step; rolled back it never existed', async () => {
      const id = await engine.app.start(Flows, { workflowId: 's-outbox' }).outbox('sent').result();
      expect(id).equal('s-outbox-0-0');
      expect(await engine.app.handle(id).result()).equal('sent');
      expect((await rejected(engine.app.start(Flows, { workflowId: 's-rolled' }).outbox('never', true).result())).message).equal('rolled back');
      expect(await engine.row('s-rolled-0-0')).equal(undefined);
      expect((await engine.ledger()).sort()).deep.equal(['outbox', 'sent']);
    });

    it('several in one transaction, one with an id of its own; run again they exist once', async () => {
      const run = () => engine.app.start(Flows, { workflowId: 's-outboxes' }).outboxTwice().result();
      const ids = await run();
      expect(ids).deep.equal(['outbox-fixed', 's-outboxes-0-1']);
      expect(await run()).deep.equal(ids);
      await Promise.all(ids.map((id) => engine.app.handle(id).result()));
      expect((await engine.ledger()).sort()).deep.equal(['default', 'fixed']);
    });
  });

  describe('handles', () => {
    it('of an unknown id: each use is NOT_FOUND, and making one sends nothing', async () => {
      const handle = engine.app.handle('nobody');
      const uses: Promise<unknown>[] = [
        handle.result(),
        handle.status(),
        handle.info(),
        handle.steps(),
        handle.cancel(),
        handle.resume(),
        handle.fork({ from: '0' }),
      ];
      for (const error of await Promise.all(uses.map(rejected)))
        expect(error).include({ code: 'NOT_FOUND' }).property('details').deep.equal({ workflowId: 'nobody' });
    });

    it('info() has everything, discriminated by status; steps() of a direct call is its one step', async () => {
      const handle = await engine.app.start(Flows, { workflowId: 'h-info', deadline: '1 hour' }).work('x');
      await handle.result();
      const info = await handle.info();
      expect(info).include({ workflowId: 'h-info', name: 'Flows.work', status: 'SUCCESS', version: 'test', recoveries: 0 }).property('input').deep.equal(['x']);
      expect(info.status === 'SUCCESS' && info.output).equal('x');
      for (const at of [info.createdAt, info.updatedAt, info.deadline]) expect(at).instanceOf(Date);
      await rejected(engine.app.start(Flows, { workflowId: 'h-failed' }).fails().result());
      const failed = await engine.app.handle('h-failed').info();
      expect(failed.status === 'ERROR' && failed.error).include({ name: 'TypeError', message: 'as asked' });
      await engine.app.start(Flows, { workflowId: 'h-direct' }).tell('x').result();
      const [step, ...more] = await engine.app.handle('h-direct').steps();
      expect([step?.stepId, step?.kind, step?.output, more]).deep.equal(['0', 'communicator', 'x told', []]);
    });

    it('one that waited by the id alone is told, though a start of the same id came after it', async () => {
      const other = await engine.another();
      gates.close('work');
      await other.start(Flows, { workflowId: 'h-first' }).work('x');
      await gates.reached('work');
      const waiting = engine.app.handle('h-first').result();
      const joined = engine.app.start(Flows, { workflowId: 'h-first' }).work('x').result();
      await new Promise((resolve) => setTimeout(resolve, 20));
      gates.open('work');
      expect(await Promise.all([waiting, joined])).deep.equal(['x', 'x']);
      await other.shutdown({ grace: 0 });
    });

    it('one that was told a failure waits anew after a resume', async () => {
      const handle = await engine.app.start(Flows, { workflowId: 'h-resumed' }).fails();
      expect(await rejected(handle.result())).include({ message: 'as asked' });
      expect(await rejected(handle.result())).include({ message: 'as asked' });
      broken = false;
      await handle.resume();
      expect([await handle.result(), await handle.result(), await handle.status()]).deep.equal(['mended', 'mended', 'SUCCESS']);
    });

    it('bad waits are CONFIG', async () => {
      const handle = await engine.app.start(Flows).work('x');
      for (const [options, path] of [
        [{ timeout: -1 }, 'result.timeout'],
        [{ timeout: 'soon' }, 'result.timeout'],
        [{ timeOut: 1 }, 'result.timeOut'],
        [{ signal: {} }, 'result.signal'],
      ] as const) {
        expect(await rejected(handle.result(options as never)))
          .include({ code: 'CONFIG' })
          .property('details')
          .property('path')
          .equal(path);
      }
      expect(await handle.result()).equal('x');
    });

    it('handleOf in a workflow: what it reads and does is recorded, also that there is none, and a replay sees the same', async () => {
      await engine.app.start(Flows, { workflowId: 'h-read' }).work('x').result();
      inside = async () => {
        const missing = await handleOf('h-missing')
          .status()
          .catch((error: { code: string }) => error.code);
        const absent = await handleOf('h-missing')
          .result()
          .catch((error: { code: string }) => error.code);
        const late = await handleOf('h-slow')
          .result({ timeout: 1 })
          .catch((error: { code: string }) => error.code);
        return [
          missing,
          absent,
          late,
          await handleOf('h-read').status(),
          await handleOf('h-read').result(),
          (await handleOf('h-read').info()).name,
          (await handleOf('h-read').steps()).length,
          workflowId(),
        ];
      };
      gates.close('work', 'body');
      await engine.app.start(Flows, { workflowId: 'h-slow' }).work('slow');
      const parent = await engine.app.start(Flows, { workflowId: 'h-reader' }).body();
      await gates.reached('body');
      await until('its records are durable', async () => (await engine.records('h-reader')).length >= 6);
      // What was missing and slow is there when the replay comes.
      gates.open('work');
      await engine.app.start(Flows, { workflowId: 'h-missing' }).work('now there').result();
      await engine.app.handle('h-slow').result();
      await abandon(engine, ['h-reader']);
      await gates.reached('body', 2);
      gates.open('body');
      expect(await parent.result()).deep.equal(['NOT_FOUND', 'NOT_FOUND', 'WAIT_TIMEOUT', 'SUCCESS', 'x', 'Flows.work', 1, 'h-reader']);
    });
  });
});
