/** Bodies of workflows. W: writing transaction, R: read-only one, C: communicator. */
import {
  all,
  child,
  communicate,
  poison,
  race,
  read,
  recordsWinner,
  send,
  sleep,
  StepError,
  wait,
  winner,
  write,
  writeAndStart,
  writeLocking,
  writeUsing,
  type Body,
  type Call,
} from '../protocol/body.js';

/** Steps one after the other; an array is called at once. */
export const sequence = (...stages: (Call | Call[])[]): Body =>
  function* () {
    for (const stage of stages) yield Array.isArray(stage) ? all(...stage) : all(stage);
  };

/** A body that compensates when a step fails. */
export const catches = (first: Call, compensation: Call): Body =>
  function* () {
    try {
      yield all(first);
    } catch {
      yield all(compensation);
    }
  };

/** Which step comes next depends on what was read. */
export const branches: Body = function* () {
  const [seen] = yield all(read);
  yield all(seen === 'r0' ? communicate : send);
};

export const throwsAfter = (...calls: Call[]): Body =>
  function* () {
    for (const call of calls) yield all(call);
    throw new StepError('!thrown');
  };

export const racesRecorded: Body = recordsWinner(function* () {
  try {
    yield race(write, write);
  } catch {
    // that it failed is told by the record of the winner
  }
  yield all(winner);
  yield all(write);
});

/** The next step depends on which came first: so do any two branches under way, each of which goes on when its step is done. */
export const branchesGoOn = (...calls: Call[]): Body =>
  function* () {
    yield race(...calls);
    yield all(write);
  };

/** What is done about an error depends on which of two came first. */
export const usesFirstError: Body = function* () {
  try {
    yield all(write, write);
  } catch (error) {
    yield all(writeUsing(`after ${(error as StepError).value}`));
  }
};

export const ignoresWhichError: Body = function* () {
  try {
    yield all(write, write);
  } catch {
    yield all(write);
  }
};

export { child, communicate, poison, read, send, sleep, wait, write, writeAndStart, writeLocking };
