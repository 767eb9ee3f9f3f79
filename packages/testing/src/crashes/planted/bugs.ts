import type { CrashMode } from '../point.js';

/** A text of a built file, and what stands there instead. */
export interface Edit {
  readonly file: string;
  readonly text: string;
  readonly by: string;
}

export interface PlantedBug {
  readonly name: string;
  /** What of the design it breaks. */
  readonly breaks: string;
  readonly edits: readonly Edit[];
  /** Where it shows. */
  readonly shape: string;
  readonly mode: CrashMode;
  /** It does no harm, since another rule stands behind the one it breaks. */
  readonly harmless?: string;
}

const commit = 'core/executor/commit.js';
const finalCommit = 'const results = await transaction.commit(procedure === undefined ? rows : [...procedure.before, ...rows, procedure.last]);';
const ownCommit = `(await executor.store.connections.system((c) => c.fly([{ text: 'begin' }, ...rows, { text: 'commit' }]))).slice(1, -1)`;
const lookUp = 'const committed = await executor.store.untilAnswered((store) => store.isOwnEarlierAttempt({ ...emptyCargo(), ...rows }));';
const ignoringConflicts: readonly Edit[] = ['starts.plain(cargo.starts, offsetMs, mayCopy)', 'records(cargo.records, mayCopy)'].map((statement) => ({
  file: 'core/store/statements/cargo.js',
  text: `out.push(${statement});`,
  by: `{ const s = ${statement}; out.push({ ...s, name: undefined, text: s.text + ' on conflict do nothing' }); }`,
}));

/** Each is a mistake that an engine like this could have. */
export const plantedBugs: readonly PlantedBug[] = [
  {
    name: 'the record in a commit of its own, after the effect',
    breaks: 'L1',
    shape: 'transfer',
    mode: 'kill',
    edits: [
      {
        file: commit,
        text: finalCommit,
        by: `let results; if (procedure === undefined) { await transaction.commit([]); results = ${ownCommit}; } else results = ${finalCommit.slice('const results = '.length)}`,
      },
    ],
  },
  {
    name: 'the record in a commit of its own, before the effect',
    breaks: 'L1',
    shape: 'transfer',
    mode: 'kill',
    edits: [
      {
        file: commit,
        text: finalCommit,
        by: `let results; if (procedure === undefined) { results = ${ownCommit}; await transaction.commit([]); } else results = ${finalCommit.slice('const results = '.length)}`,
      },
    ],
  },
  { name: 'ON CONFLICT DO NOTHING in the final flight, two executors', breaks: '4.2', shape: 'transfer', mode: 'stop', edits: ignoringConflicts },
  {
    name: 'a lost answer is taken for a commit',
    breaks: 'L3',
    shape: 'transfer',
    mode: 'cut',
    edits: [{ file: commit, text: lookUp, by: 'const committed = true;' }],
  },
  {
    name: 'no look-up of a lost answer, and inserts that ignore conflicts',
    breaks: 'L3, 4.2',
    shape: 'direct',
    mode: 'cut',
    edits: [{ file: commit, text: lookUp, by: 'const committed = false;' }, ...ignoringConflicts],
  },
  {
    name: 'no look-up of a lost answer',
    breaks: 'L3',
    shape: 'direct',
    mode: 'cut',
    edits: [{ file: commit, text: lookUp, by: 'const committed = false;' }],
    harmless: 'the plain insert meets the row of the first attempt, and the run is void',
  },
  {
    name: 'a refused commit after the hand-over does not make the run void',
    breaks: '4.4',
    shape: 'transfer',
    mode: 'cut',
    edits: [
      { file: 'core/executor/held-flight.js', text: 'run.executor.lifecycle.voidRun(', by: 'void (' },
      {
        file: 'core/executor/held-flight.js',
        text: "throw error instanceof RunVoid ? error : new RunVoid('the last commit failed', { cause: error });",
        by: 'run.held = undefined;',
      },
    ],
  },
  {
    name: 'the caller is answered before the outcome is durable',
    breaks: '4.4',
    shape: 'direct',
    mode: 'kill',
    edits: [
      {
        file: 'core/executor/lifecycle.js',
        text: 'async finish(run, outcome, durable = false) {',
        by: 'async finish(run, outcome, durable = false) { this.#settle(run.ticket, outcome);',
      },
    ],
  },
  {
    name: 'asynchronous commits',
    breaks: '4.4, L11',
    shape: 'transfer',
    mode: 'server',
    edits: [
      {
        file: 'core/store/connection/connections.js',
        text: "set_config('synchronous_commit', 'on', false)",
        by: "set_config('synchronous_commit', 'off', false)",
      },
    ],
  },
  {
    name: 'a barrier group is sent in pieces',
    breaks: 'L4',
    shape: 'family',
    mode: 'kill',
    edits: [
      {
        file: 'core/journal/journal.js',
        text: 'const results = await connection.fly(statements, { deadlineMs });',
        by: 'const results = []; for (const one of statements) results.push(...(await connection.fly([one], { deadlineMs })));',
      },
    ],
  },
  {
    name: 'what a transaction starts is inserted after its commit',
    breaks: '4.3',
    shape: 'outbox',
    mode: 'kill',
    edits: [
      { file: commit, text: 'load.cargo.foreign.push(...final.outbox);', by: ';' },
      {
        file: commit,
        text: finalCommit,
        by: `let ${finalCommit.slice('const '.length)} if (final.outbox.length > 0) results = await executor.store.connections.system((c) => c.fly(executor.store.cargo({ ...emptyCargo(), foreign: [...final.outbox] }, executor.clock.offsetMs, executor.id)));`,
      },
    ],
  },
  {
    name: 'a communicator starts before what it was given is durable',
    breaks: '4.3',
    shape: 'linger',
    mode: 'kill',
    edits: [
      {
        file: 'core/executor/steps/communicator.js',
        text: 'for (let next = run.unflushed(); next !== undefined; next = run.unflushed())\n        await next;',
        by: '',
      },
    ],
  },
  {
    name: 'the lease is not looked at before a communicator',
    breaks: '4.6',
    shape: 'booking',
    mode: 'stop',
    edits: [
      { file: 'core/executor/run.js', text: 'if (!this.executor.lease.isLive())', by: 'if (false)' },
      { file: 'core/executor/steps/communicator.js', text: 'if (!executor.lease.isLive())\n        await run.ready(call);', by: '' },
    ],
  },
  {
    name: 'rows of a flight that failed do not return to the buffer',
    breaks: '4.3',
    shape: 'transfer',
    mode: 'cut',
    edits: [{ file: 'core/executor/buffer.js', text: 'run.start.carrier = undefined;', by: ';' }],
  },
  {
    name: 'recovery does not read the records',
    breaks: '4.6',
    shape: 'transfer',
    mode: 'kill',
    edits: [{ file: 'core/executor/lifecycle.js', text: 'const history = new Map(records.map((r) => [r.stepId, r]));', by: 'const history = new Map();' }],
  },
  {
    name: 'a takeover claims before the connections of the other have ended',
    breaks: '4.6',
    shape: 'transfer',
    mode: 'stop',
    edits: [{ file: 'core/recovery/takeover.js', text: 'if (!(await endConnections(this.#executor, other)))\n                return;', by: '' }],
  },
  {
    name: 'a wake-up whose answer was lost is adopted by nobody',
    breaks: '4.5',
    shape: 'park',
    mode: 'cut',
    edits: [{ file: 'core/executor/lifecycle.js', text: '        run.resolved = true;\n        this.#left(run);', by: '        this.#left(run);' }],
  },
];
