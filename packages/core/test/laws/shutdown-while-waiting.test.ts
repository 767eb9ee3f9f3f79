import { Service, sleep, start, Workflow } from '@apiary/core';
import { runningOf } from '@apiary/core/internal';
import { executes, until } from '@apiary/testing/internal';
import { expect } from 'chai';
import { Engine } from '../support/engine.js';
import { gates, Voice } from '../support/voice.js';

@Service()
class Flows {
  constructor(private readonly voice: Voice) {}
  @Workflow()
  async child(): Promise<string> {
    return this.voice.say('child');
  }
  @Workflow()
  async parent(): Promise<string> {
    const child = await start(Flows, { workflowId: 'child' }).child();
    await this.voice.say('parent');
    return child.result();
  }
  @Workflow()
  async startsAndSleeps(): Promise<void> {
    await start(Flows, { workflowId: 'child' }).child();
    await this.voice.say('parent');
    await sleep('1 second');
  }
}

/** A rejection that nobody handles has ended the process by then. */
async function someTurns(): Promise<void> {
  for (let turns = 0; turns < 10; turns++) await new Promise((next) => setImmediate(next));
}

it('a workflow that begins to wait for another one while the app shuts down does not end the process', async () => {
  await using engine = await Engine.start({ services: [Flows] }, { proxied: true });
  gates.close('child', 'parent');
  await engine.app.start(Flows, { workflowId: 'parent' }).parent();
  await Promise.all([gates.reached('child'), gates.reached('parent')]);
  // What it waits for has to be durable first: that answer comes when its signal is aborted already.
  const held = engine.proxy.add({ on: 'request', is: executes(/^insert into "apiary".function_record/), fault: { kind: 'hold answer' } });
  gates.open('parent');
  await held.hit;
  const { lifecycle } = runningOf(engine.app).executor;
  const [parent] = [...lifecycle.running].filter((run) => run.workflowId === 'parent');
  const over = engine.app.shutdown({ grace: 0 });
  await until('it is interrupted', () => parent?.abortReason !== undefined);
  held.release();
  await over;
  gates.reset();
  await someTurns();
  expect((await engine.row('parent'))?.status).equal('PENDING');
});

it('a cancelled workflow that waits for the end of its children while the app shuts down does not end the process; another executor ends it', async () => {
  await using engine = await Engine.start({ services: [Flows] });
  gates.close('child', 'parent');
  const handle = await engine.app.start(Flows, { workflowId: 'cancelled' }).startsAndSleeps();
  await Promise.all([gates.reached('child'), gates.reached('parent')]);
  await handle.cancel();
  gates.open('parent');
  await until('its child was asked to end', async () => {
    const { rowCount } = await engine.admin.query(`select from apiary.workflow_status where workflow_id = 'child' and cancel_requested`);
    return rowCount === 1;
  });
  await engine.app.shutdown({ grace: 0 });
  await someTurns();
  expect((await engine.row('cancelled'))?.status).equal('PENDING');
  gates.reset();
  await engine.another();
  await until('both have ended', async () => {
    const { rows } = await engine.admin.query(`select workflow_id as id from apiary.workflow_status where status = 'CANCELLED' order by 1`);
    return rows.length === 2;
  });
});
