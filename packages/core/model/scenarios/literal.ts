/** Wordings that can be read so that they fail: each must be found. The model's base holds the repaired rule. */
import { budget, type Broken, type Scenario } from '../protocol/scenario.js';
import { branchesGoOn, child, sequence, sleep, usesFirstError, write } from './bodies.js';
import { scenarioOf } from './shapes.js';

export interface Literal {
  readonly text: string;
  readonly repaired: string;
  readonly scenario: Scenario;
  readonly broken: Broken;
}

const called = [{ process: 0, workflow: 0 }];

export const literals: readonly Literal[] = [
  {
    text: '4.5: Promise.race over steps replays in another order (and so may any two branches under way)',
    repaired: 'a replay gives results in the order of the first run, which is the order of the records',
    scenario: { workflows: [{ body: branchesGoOn(write, write) }], callers: called, budget: budget({ serialization: 1 }) },
    broken: { replayById: true },
  },
  {
    text: 'Promise.all over steps is deterministic (which of two errors comes first is a race too)',
    repaired: 'the same',
    scenario: { workflows: [{ body: usesFirstError }], callers: called, budget: budget({ userError: 2, serialization: 1 }) },
    broken: { replayById: true },
  },
  {
    text: 'a replay gives results in the order of the times in their records',
    repaired: "a result waits for earlier rows that are under way: the row of a writing transaction is made before its commit's answer",
    scenario: { workflows: [{ body: branchesGoOn(write, write) }], callers: called, budget: budget() },
    broken: { givenAsAnswered: true },
  },
  {
    text: '4.5: the owner honours requests to end; for parked workflows cancel is a conditional update',
    repaired: 'parking fails when a request is there already',
    scenario: scenarioOf('sleep,W', budget({ cancel: 1 })),
    broken: { parkOverCancel: true },
  },
  {
    text: '4.5: the deadline itself is the request, the owner honours it; a parked workflow is woken at its wake_at',
    repaired: 'wake_at is the end of the wait or the deadline, whichever is first',
    scenario: scenarioOf('W,wait with a deadline', budget()),
    broken: { parkedMissDeadline: true },
  },
  {
    text: '4.5: a run that is void (by a changed timeline too) replays with what is durable plus what is still in the buffer',
    repaired: 'after a changed timeline the buffer is dropped: it rests on records that may be gone',
    scenario: scenarioOf('C,R,W', budget({ failover: 1 }), { processes: 1 }),
    broken: { bufferOverFailover: true },
  },
  {
    text: '4.6: second attempts run in a narrow lane (a parent that waits for its child holds the lane, the child waits for the lane)',
    repaired: 'a workflow with a child that is PENDING is neither counted nor holds the lane',
    scenario: scenarioOf('poison child', budget(), { maxRecoveries: 3 }),
    broken: { parentsCounted: true },
  },
  {
    text: '4.6: attempts are counted since the last new record (of the workflow itself)',
    repaired: 'records of its children count too',
    scenario: scenarioOf('child(W,W) of few recoveries', budget({ crash: 2 })),
    broken: { childrenNotCounted: true },
  },
  {
    text: '4.5: cancel of a DEAD workflow is a conditional update',
    repaired: 'DEAD is terminal: cancel changes nothing (or only what nobody was told)',
    scenario: scenarioOf('poison child', budget({ cancel: 1 }), { maxRecoveries: 1 }),
    broken: { cancelsTheDead: true },
  },
  {
    text: '4.5: only roots are resumed',
    repaired: 'with a root its CANCELLED and DEAD children whose result nobody recorded are resumed in the same statement',
    scenario: {
      workflows: [{ body: sequence(child(1)) }, { body: sequence(write, sleep), parent: 0 }],
      callers: called,
      budget: budget({ cancel: 1, resume: 1 }),
    },
    broken: { resumesRootOnly: true },
  },
  {
    text: '4.7: retention deletes whole trees from a terminal root',
    repaired: 'not before the longest transaction that may still carry its start row has ended: an explicit id that was looked up as absent',
    scenario: scenarioOf('R,W id twice', budget({ retention: 1 })),
    broken: { retentionAtOnce: true },
  },
];
