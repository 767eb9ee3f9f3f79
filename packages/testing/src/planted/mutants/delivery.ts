/** Numbers, order of delivery, and that a replay is what the first run was: DESIGN L5, L6, 4.5. */
import { killer, mutant, type Mutant } from '../mutant.js';

const run = 'core/executor/run.js';
const steps = 'core/executor/steps/transaction.js';
const child = 'core/executor/steps/child.js';
const order = 'core/executor/delivery-order.js';

const l5 = (test: string) => killer('laws/l5-step-ids', test);
const l6 = (test: string) => killer('laws/l6-first-run-equals-replay', test);
const parallel = (test: string) => killer('interleavings/parallel-delivery', test);

export const deliveryMutants: readonly Mutant[] = [
  mutant(
    'a call that takes a later place at an error at COMMIT keeps its sibling waiting',
    'L5',
    [order, 'if (gaveUp !== undefined)', 'if (false)'],
    parallel('the first COMMIT is refused .an error'),
  ),
  mutant(
    'a call whose COMMIT was refused keeps its place',
    'L5',
    [steps, 'run.delivery.withdraw(call);', ''],
    parallel('the first COMMIT is refused .a serialization'),
  ),
  mutant(
    'a step is numbered anew at each retry',
    'L5',
    [steps, 'run.delivery.withdraw(call);', 'run.delivery.withdraw(call); call.stepId = String(Number(call.stepId) + 1);'],
    l5('L5: dense and the same when each commit number'),
  ),
  mutant(
    'a replay does not compare the name of a function',
    'L5',
    [run, 'if (record.name === call.name && record.inputHash === call.inputHash) return;', 'if (record.inputHash === call.inputHash) return;'],
    l5('a replay that makes another call'),
  ),
  mutant(
    'a replay does not compare the input',
    'L5',
    [run, 'if (record.name === call.name && record.inputHash === call.inputHash) return;', 'if (record.name === call.name) return;'],
    l5('a replay that gives a step other input'),
  ),
  mutant(
    'a body that catches NONDETERMINISM goes on',
    'L5',
    ['core/executor/body.js', 'if (run.poisoned !== undefined) outcome = failure(run, run.poisoned);', ''],
    killer('behaviours/replay', 'a body that catches it cannot go on'),
  ),
  mutant(
    'ids of children are drawn at random',
    'L5',
    [child, 'return derivedId(run.workflowId, stepId);', 'return derivedId(run.workflowId, stepId + Math.random());'],
    killer('behaviours/ids-and-idempotency', 'children have the id of the parent and the step'),
  ),
  mutant(
    'results are delivered as they come',
    '4.5',
    [order, 'if (this.#isBehind(call))', 'if (false)'],
    parallel('the answer to the first COMMIT comes last'),
  ),
  {
    name: 'a replay delivers in the order of the calls, a first run as they come',
    breaks: '4.5',
    edits: [
      { file: order, text: 'isBefore(other.call, best.call)) first = i;', by: 'false) first = i;' },
      { file: order, text: 'if (this.#isBehind(call))', by: 'if (false)' },
    ],
    killer: parallel('the first error of a Promise.all'),
  },
  mutant(
    'two results are told before the body has come to rest',
    'L6',
    [order, 'return this.#active === turn() ? new Promise(atRest) : undefined;', 'return undefined;'],
    parallel('a body is told one result at a time'),
  ),
  mutant(
    'a body that makes calls counts as one at rest',
    'L6',
    [run, 'if (this.start === undefined) this.delivery.active();', ''],
    parallel('a body is told one result at a time'),
  ),
  mutant(
    'a sleep that is over has its place before its record',
    'L6',
    [order, 'call.place = placeOfSleep(call.place ?? 0, dueMs);', 'call.place = dueMs * 1000;'],
    parallel('a sleep that is over when it begins'),
  ),
  mutant(
    'a long sleep parks while another branch is about to call',
    '4.5',
    ['core/executor/steps/sleep.js', 'if (isLong(run, due)) await new Promise(atRest);', ''],
    parallel('a long sleep does not take the workflow'),
  ),
  mutant(
    'a body that has ended waits for its sleeps',
    '4.4',
    [run, '(call) => call.resting !== true', '() => true'],
    parallel('a long sleep does not take the workflow'),
  ),
  mutant(
    'a body that has ended waits for other workflows',
    '4.4',
    ['core/executor/body.js', 'run.giveUpWaits();', ''],
    killer('behaviours/starts-and-handles', 'a body that has ended waits for no other workflow'),
  ),
  mutant(
    'a call outside is tried again when the body has ended',
    '4.4',
    ['core/executor/steps/communicator.js', 'signal: waits', 'signal: undefined'],
    killer('behaviours/communicators', 'a body that has ended waits for no other attempt'),
  ),
  mutant(
    'a sleep takes its place when it is recorded',
    '4.5',
    [
      order,
      "return record.kind === 'sleep' ? placeOfSleep(record.completedAt, codec.decode(record.output)) : record.completedAt;",
      'return record.completedAt;',
    ],
    parallel('a sleep takes its place when it ends'),
  ),
  mutant(
    'a first run gives values that have not been through the codec',
    'L6',
    [
      steps,
      "return executor.codec.copy(value, 'result'); } catch (error) { return end(",
      "return { text: executor.codec.copy(value, 'result').text, value }; } catch (error) { return end(",
    ],
    l6('for values and errors of every kind of step'),
  ),
  mutant(
    'errors reach the body as they were thrown',
    'L6',
    [steps, 'throw codec.decodeError(text);', 'throw error;'],
    l6('for values and errors of every kind of step'),
  ),
  mutant(
    'a retry gets the arguments that the first attempt changed',
    'L6',
    ['core/executor/input.js', 'this.#first = undefined; return', 'this.#first = plain; return'],
    l6('nothing is shared between caller, function and retry'),
  ),
  mutant(
    'what an interrupted body asks for is recorded',
    'L5',
    [run, 'if (this.interruption() === undefined)', 'if (true)'],
    killer('behaviours/cancellation', 'what a cancelled body asks for to tidy up'),
  ),
];
