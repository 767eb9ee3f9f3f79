import { Communicator, Service, Workflow } from '@apiary/core';
import { runningOf } from '@apiary/core/internal';
import { commits, executes, until, type RequestFlight } from '@apiary/testing/internal';
import { expect } from 'chai';
import { Engine, Trace } from '../support/engine.js';
import { Gates } from '../support/gates.js';

const gates = new Gates();

@Service()
class Steps {
  @Communicator()
  async call(label: string): Promise<string> {
    await gates.at(`call ${label}`);
    return label;
  }
}

@Service()
class Flows {
  constructor(private readonly steps: Steps) {}
  @Workflow()
  async calls(label: string): Promise<string> {
    await gates.at(`body ${label}`);
    return this.steps.call(label);
  }
}

const journals = executes(/^(?:insert into|copy) "apiary"|^with u as/);
const isJournal = (flight: RequestFlight): boolean => journals(flight) && !commits(flight);

describe('INTERLEAVING 11: the answer to a big batch of the journal is lost', () => {
  const many = 200;
  for (const which of ['starts', 'outcomes'] as const) {
    it(`INTERLEAVING 11: ${many} ${which} commit, nobody is told: no run takes itself for a loser`, async () => {
      gates.reset();
      const trace = new Trace();
      await using engine = await Engine.start({ services: [Flows] }, { proxied: true, internals: { probe: trace.probe } });
      const labels = Array.from({ length: many }, (_, i) => `n${i}`);
      const gate = (label: string): string => (which === 'starts' ? `body ${label}` : `call ${label}`);
      gates.close(...labels.map(gate));
      const outcomes = labels.map((label) => engine.app.start(Flows, { workflowId: label }).calls(label).result());
      await Promise.all(labels.map((label) => gates.reached(gate(label))));
      const lost = engine.proxy.add({ on: 'request', is: isJournal, fault: { kind: 'lose answer' } });
      gates.open(...labels.map(gate));
      expect(await Promise.all(outcomes)).deep.equal(labels);
      const hit = await lost.hit;
      expect(
        hit.answer.some((tag) => new RegExp(`^(INSERT 0|COPY|SELECT) ?${which === 'starts' ? many : ''}`).test(tag)),
        hit.answer.join(),
      ).equal(true);
      expect(
        hit.answer.some((tag) => tag.startsWith('ERROR')),
        'it was durable',
      ).equal(false);
      expect(trace.of('run:void')).deep.equal([]);
      expect(labels.map((label) => gates.visits(`body ${label}`))).deep.equal(labels.map(() => 1));
      expect(labels.map((label) => gates.visits(`call ${label}`))).deep.equal(labels.map(() => 1));
      const { rows } = await engine.admin.query<{ status: string; n: number }>('select status, count(*)::int as n from apiary.workflow_status group by 1');
      expect(rows).deep.equal([{ status: 'SUCCESS', n: many }]);
      await until('nothing is left to do', async () => runningOf(engine.app).executor.lifecycle.running.size === 0);
    });
  }
});
