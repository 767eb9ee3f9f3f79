import { Communicator, Service, Workflow } from '@apiary/core';
import { runningOf } from '@apiary/core/internal';
import { expect } from 'chai';
import { Engine, Trace } from '../support/engine.js';
import { Gates } from '../support/gates.js';

const gates = new Gates();
/** What the text format of COPY writes in another way, and what it means by itself. */
const odd = 'tab\there, line\nend, return\rand backslash \\ \\N \\. \\t';

@Service()
class Flows {
  @Communicator()
  async say(text: string): Promise<string> {
    await gates.at('say');
    return text;
  }
  /** A method's name may be any text. */
  @Communicator()
  async ['odd\tname\\'](): Promise<undefined> {
    return undefined;
  }
  @Workflow()
  async says(text: string): Promise<string> {
    const said = await this.say(text);
    await this['odd\tname\\']();
    return said;
  }
}

describe('rows that are copied to the server', () => {
  it('keep ids, names, inputs and results with tabs, line ends and backslashes', async () => {
    const trace = new Trace();
    await using engine = await Engine.start({ services: [Flows] }, { internals: { probe: trace.probe } });
    const ids = Array.from({ length: 20 }, (_, i) => `${odd} ${i}`);
    gates.close('say');
    const handles = await Promise.all(ids.map((workflowId) => engine.app.start(Flows, { workflowId }).says(`${odd} says ${workflowId}`)));
    await gates.reached('say', ids.length);
    gates.open('say');
    expect(await Promise.all(handles.map((handle) => handle.result()))).deep.equal(ids.map((id) => `${odd} says ${id}`));
    const texts = trace.of('flight:answered').flatMap(({ statements }) => statements.map(({ text }) => text));
    for (const table of ['function_record', 'workflow_status'])
      expect(
        texts.some((text) => text.startsWith(`copy "apiary".${table}`)),
        table,
      ).equal(true);
    expect(runningOf(engine.app).executor.journal.counters.splits, 'batches that the server did not take').equal(0);
    const { rows } = await engine.admin.query('select workflow_id, input, output from apiary.workflow_status order by created_at, workflow_id');
    const stored = new Map(rows.map(({ workflow_id, input, output }) => [workflow_id, [input, output]]));
    for (const id of ids) {
      expect(stored.get(id)).deep.equal([JSON.stringify([`${odd} says ${id}`]), JSON.stringify(`${odd} says ${id}`)]);
      const records = await engine.records(id);
      expect(records.map(({ step_id, name, kind, output }) => [step_id, name, kind, output])).deep.equal([
        ['0', 'Flows.say', 'communicator', JSON.stringify(`${odd} says ${id}`)],
        ['1', 'Flows.odd\tname\\', 'communicator', null],
      ]);
    }
  });
});
