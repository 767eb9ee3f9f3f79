import { Communicator, Procedure, Service, Transaction, Workflow, isApiaryError, sql, start } from '@apiary/core';
import { IsInt } from 'class-validator';
import { expect } from 'chai';
import { Engine, note, rejected } from '../support/engine.js';
import { storedRows } from '../support/stored.js';

const limit = 4096;
/** Its text is this many bytes: two quotes around it. */
const text = (bytes: number): string => 'x'.repeat(bytes - 2);

class Checked {
  @IsInt() n!: number;
}

@Service()
class Flows {
  @Transaction()
  async write(bytes: number): Promise<string> {
    await note('write');
    return text(bytes);
  }
  @Communicator({ retry: { maxAttempts: 1 } })
  async tell(bytes: number): Promise<string> {
    return text(bytes);
  }
  @Communicator({ retry: { maxAttempts: 1 } })
  async throws(bytes: number): Promise<void> {
    throw Object.assign(new Error(text(bytes)), { code: 'LARGE', more: text(bytes) });
  }
  @Procedure()
  put(bytes: number) {
    return sql.batch(
      sql`insert into ledger (workflow_id, step) values ('procedure', 'put')`,
      sql<{ text: string }>`select repeat('x', ${bytes}::int) as text`.one(),
    );
  }
  @Workflow()
  async output(bytes: number): Promise<string> {
    return text(bytes);
  }
  @Workflow()
  async input(value: string): Promise<number> {
    return value.length;
  }
  @Workflow()
  async putStep(bytes: number): Promise<number> {
    return this.put(bytes).then((row) => row.text.length);
  }
  @Workflow()
  async childWith(bytes: number): Promise<number> {
    return start(Flows).input(text(bytes)).result();
  }
  @Workflow()
  async takes(value: Checked): Promise<number> {
    return value.n;
  }
  @Workflow()
  async childWrong(how: 'start' | 'call' | 'outbox'): Promise<unknown> {
    const wrong = { n: 'one' } as never;
    if (how === 'start') return start(Flows).takes(wrong).result();
    return how === 'call' ? this.takes(wrong) : this.outbox(wrong);
  }
  @Transaction()
  async outbox(value: { n: number }): Promise<string> {
    await note('outbox');
    return (await start(Flows).takes(value as Checked)).workflowId;
  }
}

describe('payloads and arguments as input', () => {
  const warned: unknown[] = [];
  let engine: Engine;
  before(async () => {
    const log = { debug: () => {}, info: () => {}, warn: (message: string, fields?: object) => void warned.push({ message, ...fields }), error: () => {} };
    engine = await Engine.start({ services: [Flows], limits: { payload: limit, payloadWarning: 2048 }, log });
  });
  after(() => engine.close());
  beforeEach(() => engine.clear());
  const tooLarge = async (promise: Promise<unknown>): Promise<void> => {
    const error = await rejected(promise);
    if (!isApiaryError(error, 'PAYLOAD_TOO_LARGE')) return expect.fail(String(error));
    expect(error.details.limit).equal(limit);
    expect(error.details.bytes).greaterThan(limit);
    expect(error.message).contain('limits.payload');
  };

  it('an input over the limit is PAYLOAD_TOO_LARGE, directly and by start, and nothing is stored; at the limit it fits', async () => {
    const before = await storedRows(engine.admin);
    const most = text(limit - 2); // two brackets around the arguments
    await tooLarge(engine.app.get(Flows).input(`${most}x`));
    await tooLarge(engine.app.start(Flows, { workflowId: 'large' }).input(`${most}x`).result());
    await tooLarge(Promise.resolve(engine.app.start(Flows).input(`${most}x`)));
    expect(await storedRows(engine.admin)).equal(before);
    expect(await engine.app.start(Flows, { workflowId: 'large' }).input(most).result()).equal(most.length);
  });

  it('bytes are counted, not characters', async () => {
    await tooLarge(engine.app.get(Flows).input('€'.repeat(limit / 3)));
    expect(await engine.app.get(Flows).input('€'.repeat(1000))).equal(1000);
  });

  it('the input of a child over the limit fails its parent, and stores no child', async () => {
    await tooLarge(engine.app.start(Flows, { workflowId: 'parent' }).childWith(limit).result());
    expect((await engine.admin.query(`select from apiary.workflow_status where parent_id = 'parent'`)).rowCount).equal(0);
  });

  it('the output of a transaction over the limit rolls its effects back, in a workflow and directly', async () => {
    await tooLarge(engine.app.get(Flows).write(limit + 1));
    await tooLarge(
      engine.app
        .start(Flows, { workflowId: 'w' })
        .write(limit + 1)
        .result(),
    );
    expect(await engine.ledger()).deep.equal([]);
    expect((await engine.row('w'))?.status).equal('ERROR');
    expect((await engine.app.get(Flows).write(limit)).length).equal(limit - 2);
    expect(await engine.ledger()).deep.equal(['write']);
  });

  it('the rows of a procedure over the limit are refused by the server, with all that it wrote', async () => {
    await tooLarge(engine.app.get(Flows).put(limit) as unknown as Promise<unknown>);
    await tooLarge(engine.app.get(Flows).putStep(limit));
    expect(await engine.ledger()).deep.equal([]);
    expect(await engine.app.get(Flows).putStep(1000)).equal(1000);
    expect(await engine.ledger()).deep.equal(['put']);
  });

  it('the result of a communicator or of a workflow over the limit is its recorded error', async () => {
    for (const method of ['tell', 'output'] as const) {
      for (let i = 0; i < 2; i++)
        await tooLarge(
          engine.app
            .start(Flows, { workflowId: `large ${method}` })
            [method](limit + 1)
            .result(),
        );
      expect((await engine.row(`large ${method}`))?.status).equal('ERROR');
    }
  });

  it('an error over the limit is cut, and still has its name, its code and the beginning of its message', async () => {
    for (let i = 0; i < 2; i++) {
      const error = await rejected(
        engine.app
          .start(Flows, { workflowId: 'thrown' })
          .throws(limit * 3)
          .result(),
      );
      expect(error).include({ name: 'Error', code: 'LARGE' });
      expect(error.message).match(/^x{100}/);
    }
    expect(Buffer.byteLength((await engine.row('thrown'))?.error ?? '')).most(limit);
  });

  it('what is over the warning is stored and logged', async () => {
    warned.length = 0;
    await engine.app.get(Flows).input(text(3000));
    expect(warned).deep.include({ message: 'a recorded value is large', path: 'arguments', bytes: 3002, app: (warned[0] as { app: string }).app });
  });

  it('arguments that break their rules are VALIDATION in steps, children and outbox entries too, and no child is stored', async () => {
    for (const how of ['start', 'call', 'outbox'] as const) {
      const error = await rejected(
        engine.app
          .start(Flows, { workflowId: `wrong ${how}` })
          .childWrong(how)
          .result(),
      );
      if (!isApiaryError(error, 'VALIDATION')) return expect.fail(String(error));
      expect(error.details.violations.map((v) => `${v.path} ${v.rule}`)).deep.equal(['value.n isInt']);
      expect((await engine.admin.query(`select from apiary.workflow_status where workflow_id like 'wrong ${how}_%'`)).rowCount).equal(0);
    }
    expect(await engine.ledger(), 'the transaction rolled back').deep.equal([]);
  });
});
