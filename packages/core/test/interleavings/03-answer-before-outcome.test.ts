import { Service, Transaction, Workflow } from '@apiary/core';
import { commits, crash, until } from '@apiary/testing/internal';
import { expect } from 'chai';
import { Engine, note, rejected } from '../support/engine.js';
import { Gates } from '../support/gates.js';

const gates = new Gates();

@Service()
class Steps {
  @Transaction()
  async write(label: string): Promise<string> {
    await gates.at(label);
    await note(label);
    return label;
  }
}

@Service()
class Flows {
  constructor(private readonly steps: Steps) {}
  @Workflow()
  async two(): Promise<string> {
    await this.steps.write('one');
    return this.steps.write('two');
  }
}

describe('INTERLEAVING 3: the outcome is under way, and its executor dies', () => {
  beforeEach(() => gates.reset());

  for (const then of ['it is recovered', 'it is cancelled', 'it expires'] as const) {
    it(`INTERLEAVING 3: nobody was told a result; then ${then}, and all clients see one outcome, also when the flight arrives late`, async () => {
      await using engine = await Engine.start({ services: [Flows], lease: '500 ms', poll: '50 ms' }, { proxied: true });
      // The workflow was started durably, by this app; the flight of its last transaction carries the outcome.
      const held = engine.proxy.add({
        on: 'request',
        is: (flight) => commits(flight) && flight.statements.some((text) => text.includes('an outcome matched no row')),
        fault: { kind: 'hold request' },
      });
      const handle = await engine.app.start(Flows, { workflowId: 'w', ...(then === 'it expires' ? { deadline: '2 seconds' } : {}) }).two();
      let told: unknown;
      void handle.result().then(
        (value) => (told = value),
        (error: unknown) => (told = error),
      );
      const hit = await held.hit;
      expect(hit.statements.at(-1)).equal('commit');
      if (then === 'it is cancelled') gates.close('two');
      await crash(engine.app);
      expect(told).equal(undefined);
      expect((await engine.row('w'))?.status).equal('PENDING');
      if (then === 'it expires')
        await until(
          'the deadline has passed',
          async () => (await engine.admin.query(`select from apiary.workflow_status where deadline < clock_timestamp()`)).rowCount === 1,
        );
      const second = await engine.another();
      if (then === 'it is cancelled') await second.handle('w').cancel();
      gates.open('two');
      const outcome: unknown = await second
        .handle('w')
        .result()
        .catch((error: unknown) => error);
      const { status } = (await engine.row('w')) ?? {};
      // The late flight of the dead executor arrives now, and finds its backend gone.
      held.release();
      await engine.proxy.heal();
      if (then === 'it is recovered') {
        expect([outcome, status, await engine.ledger()]).deep.equal(['two', 'SUCCESS', ['one', 'two']]);
      } else {
        expect(outcome).include({ code: then === 'it expires' ? 'DEADLINE' : 'CANCELLED' });
        expect([status, await engine.ledger()]).deep.equal(['CANCELLED', ['one']]);
        expect(await rejected(second.handle('w').result())).include({ code: (outcome as { code: string }).code });
      }
      expect(told, 'the first client was told nothing').equal(undefined);
      expect(await engine.row('w')).include({ status });
      await engine.expectEffectsRecorded();
    });
  }
});
