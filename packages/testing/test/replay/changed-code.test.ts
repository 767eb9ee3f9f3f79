import { readFileSync } from 'node:fs';
import type { ConcreteType } from '@apiary/core';
import { createTestApp, replayCheck, type ReplayProblem, type TestApp } from '@apiary/testing';
import '@apiary/testing/chai';
import { expect } from 'chai';
import { AfterRefusal, Configured, FewerSteps, MoreSteps, NoClock, OtherChild, OtherInput, OtherOrder, OtherStep, Others, WaitsOutside } from './changed.js';
import { GATEWAY, Journeys, migrations, Notes } from './journeys.js';

const gateway = { address: 'post@apiary.example', send: async (text: string) => `sent ${text}` };
const source = readFileSync(new URL('../../replay/changed.ts', import.meta.url), 'utf8').split('\n');

/** The line of the source that a problem names. */
function textOf({ line }: ReplayProblem): string {
  const [, file, number] = /^(.*):(\d+):\d+$/.exec(line) ?? [];
  expect(file).to.match(/test\/replay\/changed\.ts$/);
  return source[Number(number) - 1]?.trim() ?? '';
}

describe('replayCheck of code that changed', () => {
  let app: TestApp;
  before(async () => {
    app = await createTestApp({ services: [Journeys], provide: [[GATEWAY, gateway]], migrations });
    const all = await app.start(Journeys, { workflowId: 'all' }).all('x');
    await app.clock.runToIdle();
    await expect(all).to.complete;
    await expect(await app.start(Journeys, { workflowId: 'fails' }).fails()).to.fail.with('out of stock');
    await expect(await app.start(Journeys, { workflowId: 'refused' }).refused()).to.complete;
    const pending = await app.start(Journeys, { workflowId: 'pending' }).waits();
    await app.reached(pending, Notes, 'add');
  });
  after(() => app[Symbol.asyncDispose]());

  async function problemsOf(service: ConcreteType, workflowId: string): Promise<readonly ReplayProblem[]> {
    const { problems } = await replayCheck({ services: [service], database: app.connectionString });
    return problems.filter((problem) => problem.workflowId === workflowId);
  }

  const cases: readonly [what: string, ConcreteType, workflowId: string, Pick<ReplayProblem, 'stepId' | 'recorded' | 'called'>, line: string][] = [
    ['calls another step', OtherStep, 'pending', { stepId: '0', recorded: 'Notes.add', called: 'Notes.count' }, '// other step'],
    ['ends too early', FewerSteps, 'pending', { stepId: '1', recorded: 'sleep', called: 'nothing: the workflow returned' }, '// fewer steps'],
    [
      'calls more after the recorded end',
      MoreSteps,
      'fails',
      { stepId: '1', recorded: 'nothing: the workflow ended in ERROR', called: 'Notes.count' },
      '// more steps',
    ],
    ['calls side by side in another order', OtherOrder, 'all', { stepId: '6', recorded: 'Notes.add', called: 'Notes.count' }, '// other order'],
    [
      'goes on otherwise after a call that is refused',
      AfterRefusal,
      'refused',
      { stepId: '1', recorded: 'Notes.add', called: 'Notes.count' },
      '// after the refusal',
    ],
    ['reads no clock', NoClock, 'all', { stepId: '0', recorded: 'now', called: 'randomUUID' }, '// no clock'],
  ];
  for (const [what, service, workflowId, expected, line] of cases) {
    it(`names the step and the line of a body that ${what}`, async () => {
      const [problem, ...more] = await problemsOf(service, workflowId);
      expect(more).to.deep.equal([]);
      expect(problem).to.deep.include({ workflowId, ...expected });
      expect(textOf(problem as ReplayProblem)).to.include(line);
    });
  }

  it('names the line of the workflow or of the method that it calls, where a step has other input', async () => {
    const [problem] = await problemsOf(OtherInput, 'pending');
    expect(problem?.stepId).to.equal('0');
    expect(problem?.recorded).to.match(/^Notes\.add with input \w+$/);
    expect(problem?.called)
      .to.match(/^Notes\.add with input \w+$/)
      .and.not.equal(problem?.recorded);
    expect(textOf(problem as ReplayProblem)).to.equal("await this.#note('earlier');");
  });

  it('tells a wait for another workflow from the recorded one', async () => {
    const [problem] = await problemsOf(OtherChild, 'all');
    expect(problem?.stepId).to.equal('12');
    expect(problem?.recorded).to.match(/^result with input/);
    expect(textOf(problem as ReplayProblem)).to.include('// other child');
  });

  it('tells of a value that is drawn after the recorded end', async () => {
    const { problems } = await replayCheck({ services: [MoreSteps], database: app.connectionString });
    const values = problems.filter(({ called }) => called === 'random');
    expect(values).to.have.length(2); // both children
    expect(values[0]).to.deep.include({ stepId: '1', recorded: 'nothing: the workflow ended in SUCCESS' });
    expect(textOf(values[0] as ReplayProblem)).to.include('// more values');
  });

  it('lets a workflow that has not ended call more than it did', async () => {
    expect(await problemsOf(MoreSteps, 'pending')).to.deep.equal([]);
  });

  it('tells what a body threw before it came to what is recorded', async () => {
    const [problem] = await problemsOf(FewerSteps, 'fails');
    expect(problem).to.deep.include({ stepId: '0', recorded: 'Notes.add', called: 'nothing: the workflow threw TypeError: out of stock' });
  });

  it('tells of a body that waits for what is no step', async () => {
    const [problem] = await problemsOf(WaitsOutside, 'fails');
    expect(problem).to.deep.include({ stepId: '1', called: 'the body waits for something that is no step' });
    expect(textOf(problem as ReplayProblem)).to.include('// waits outside');
  });

  it('tells of workflows that wait for code that is gone, and of no others', async () => {
    const { problems } = await replayCheck({ services: [Others], database: app.connectionString });
    expect(problems).to.deep.equal([
      { workflowId: 'pending', stepId: '', recorded: 'workflow Journeys.waits', called: 'nothing: no such function', line: 'Journeys.waits' },
    ]);
  });

  it('tells of a body that reads a value which was not given, and takes it from provide', async () => {
    const [problem] = await problemsOf(Configured, 'pending');
    expect(problem?.called).to.include('the body of a workflow uses GATEWAY, which a replay does not have: give it by provide');
    const given = await replayCheck({ services: [Configured], provide: [[GATEWAY, gateway]], database: app.connectionString });
    expect(given.problems).to.deep.equal([]);
  });

  it('wants something to replay', async () => {
    const refused = await replayCheck({ services: [Journeys] }).then(
      () => undefined,
      (error: unknown) => error,
    );
    expect(refused).to.include({ code: 'CONFIG' });
  });
});
