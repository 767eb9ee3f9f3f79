/** Rows that two readers have read: executor/departures.ts and those who ask it. */
import { killer, mutant, type Mutant } from '../mutant.js';

const lifecycle = 'core/executor/lifecycle.js';
const test = (name: string) => killer('laws/read-twice', name);

export const readTwiceMutants: readonly Mutant[] = [
  mutant(
    'what was read before another reader ran it to its end is run again',
    '4.5',
    [lifecycle, 'this.departures.has(workflow.workflowId, workflow.epoch)', 'false'],
    test('a claim whose records are being read does not run again what was run to its end'),
  ),
  mutant(
    'what was read before another reader ran it to its pause is run again',
    '4.5',
    [lifecycle, 'run.resolved = true; this.#left(run);', 'run.resolved = true; this.running.delete(run);'],
    test('a claim whose records are being read does not run again what was run to its sleep'),
  ),
  mutant(
    'a child that ran before the COMMIT that made it was answered is run again',
    '4.5',
    ['core/executor/commit.js', 'return executor.lifecycle.departures.during(async () => {', 'return ((work) => work())(async () => {'],
    test('a child that runs before its parent knows of the COMMIT'),
  ),
  mutant(
    'a child that ran before the flight that started it was answered is run again',
    '4.5',
    [lifecycle, '|| this.departures.has(row.workflowId, row.epoch))', ')'],
    test('a child that runs before the workflow that started it knows'),
  ),
  mutant(
    'a child that ran while its records were read for its parent is run again',
    '4.5',
    [lifecycle, 'if (this.departures.has(row.workflowId, row.epoch))', 'if (false)'],
    test('a child that runs before the replay of its parent has read'),
  ),
  mutant(
    'a workflow whose row was read for a start by id is run again after its end',
    '4.5',
    ['core/executor/outside.js', 'ticket.settled ? [] : executor', 'executor'],
    test('a start by id that read the row before another one ran it'),
  ),
];
