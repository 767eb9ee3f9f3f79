/** Lease, fence, end of connections: DESIGN 4.6 and the laws L7, L8, L9. */
import { killer, mutant, type Mutant } from '../mutant.js';

const executors = 'core/store/statements/executors.js';
const takeover = 'core/recovery/takeover.js';
const ending = 'core/recovery/end-connections.js';
const poll = 'core/recovery/poll.js';
const fence = 'core/executor/fence.js';
const opening = 'core/recovery/opening.js';

const liveness = (test: string) => killer('laws/L7-liveness', test);
const superseded = (test: string) => killer('laws/L8-superseded', test);
const clocks = (test: string) => killer('laws/L9-clocks', test);
const connections = (test: string) => killer('laws/rule-4.6-connections', test);
const pooler = (test: string) => killer('laws/rule-4.6-pooler', test);
const statements = (test: string) => killer('laws/rule-4.6-statements', test);

export const takeoverMutants: readonly Mutant[] = [
  mutant(
    'a takeover does not raise the fence',
    '4.6, L8',
    [takeover, "const { rowCount } = await store.query('fence', [other.executorId, other.counter]);", 'const rowCount = 1;'],
    connections('takes its lock only after the takeover reads the fence'),
  ),
  mutant(
    'the fence does not look at the lease counter',
    '4.6',
    [executors, 'and not fenced and lease_counter = $2 and lease_until', 'and not fenced and $2::bigint is not null and lease_until'],
    statements('the fence is conditional'),
  ),
  mutant(
    "the fence does not look at the database's clock",
    '4.6, L9',
    [executors, 'and lease_counter = $2 and lease_until < clock_timestamp() returning', 'and lease_counter = $2 returning'],
    statements('the fence is conditional'),
  ),
  {
    name: 'a lease is taken before it ran out by the clock of the database',
    breaks: 'L9',
    edits: [
      { file: executors, text: "'expired', e.lease_until < clock_timestamp()", by: "'expired', true" },
      { file: executors, text: 'and lease_counter = $2 and lease_until < clock_timestamp() returning', by: 'and lease_counter = $2 returning' },
    ],
    killer: clocks('a lease that the database says is live'),
  },
  mutant(
    'a lease is taken as soon as the database says that it ran out',
    '4.6, L9',
    [takeover, 'return this.#executor.lease.durationMs;', 'return 0;'],
    clocks('is not taken before the observer has seen it stand still'),
  ),
  mutant(
    "an observer measures the lease of another by its machine's clock",
    'L9',
    [takeover, "import { monotonic } from '../clock.js';", 'const monotonic = () => Date.now();'],
    clocks('though the clock of its machine jumps'),
  ),
  mutant(
    "time is that of this machine's clock",
    'L9',
    ['core/clock.js', 'return Math.floor(this.#base + monotonic() + this.#offsetMs);', 'return Math.floor(Date.now() + this.#offsetMs);'],
    clocks("steps of an executor's own clock"),
  ),
  mutant(
    'the lease is counted from the answer to the renewal',
    '4.6',
    [poll, 'lease.renewed(sent);', 'lease.renewed(monotonic());'],
    statements('a lease is counted from the sending'),
  ),
  mutant(
    'the exclusive lock is not waited for',
    '4.6, L8',
    [ending, "return holders.length > 0 ? holders.map(({ pid }) => pid) : ['unknown'];", 'return [];'],
    connections('only the exclusive lock says that it is over'),
  ),
  mutant(
    'the connections of a superseded executor are not ended',
    '4.6, L7',
    [ending, 'for (const { pid } of holders) await terminate(connection, pid);', ''],
    superseded('SIGSTOP in an open transaction \\(read committed\\)'),
  ),
  mutant(
    'a takeover does not end the connections at all',
    '4.6, L8',
    [takeover, 'if (!(await endConnections(this.#executor, other))) return;', ''],
    connections('has its lock and not read the fence is ended'),
  ),
  mutant('a connection takes no lock', '4.6, L8', [opening, 'if (locks())', 'if (false)'], connections('has its lock and not read the fence is ended')),
  mutant(
    'a connection does not read the fence',
    '4.6, L8',
    [opening, "if (state?.rows[0]?.['fenced'] !== false) {", 'if (false) {'],
    connections('takes its lock only after the takeover reads the fence'),
  ),
  {
    name: 'a connection reads the fence before it takes its lock',
    breaks: '4.6, L8',
    edits: [
      { file: opening, text: 'if (locks()) await connection.fly([{ text: `select pg_advisory_lock_shared(${lockKey})` }], { deadlineMs });', by: '' },
      {
        file: opening,
        text: 'const [line] = await connection.fly(',
        by: 'if (locks()) await connection.fly([{ text: `select pg_advisory_lock_shared(${lockKey})` }], { deadlineMs });\nconst [line] = await connection.fly(',
      },
    ],
    killer: connections('takes its lock only after the takeover reads the fence'),
  },
  mutant(
    'the lease is not looked at before a step',
    '4.6, L8',
    ['core/executor/run.js', 'if (!this.executor.lease.isLive()) await this.executor.lease.live();', ''],
    superseded('the superseded executor does not call out'),
  ),
  mutant(
    'the poll waits for its takeovers',
    '4.6',
    [poll, 'Math.ceil(this.#takeover.look(tick.others ?? [])) + 1);', 'Math.ceil(this.#takeover.look(tick.others ?? [])) + 1); await this.#takeover.idle();'],
    connections('only the exclusive lock says that it is over'),
  ),
  {
    name: 'the lease is renewed behind the journal, which waits for the locks of others',
    breaks: '4.6',
    edits: [
      { file: poll, text: 'const sent = monotonic();', by: 'await this.#executor.journal.idle(); const sent = monotonic();' },
      { file: 'core/journal/journal.js', text: "const lockTimeout = '200ms';", by: "const lockTimeout = '30s';" },
    ],
    killer: connections('the lease is renewed while the journal cannot write'),
  },
  mutant(
    'the old backend is not ended before a lost commit is looked up',
    '4.6, L3',
    ['core/executor/commit.js', 'await executor.store.endBackend(transaction.connection.pid);', ''],
    connections('after a lost connection the old backend is gone'),
  ),
  mutant(
    'an executor finds dead ones at its launch only',
    'L7',
    [poll, 'void this.#tick().finally(() => this.#plan());', 'void this.#tick();'],
    liveness('an executor dies for good'),
  ),
  mutant(
    'a takeover that failed is not tried again',
    'L7',
    [takeover, '.finally(() => this.#underWay.delete(other.executorId));', '.finally(() => {});'],
    statements('a takeover that failed goes on'),
  ),
  mutant(
    'work of another version is taken',
    'L7',
    [executors, 'where e.executor_id <> $1 and e.app_version = $3 and not e.settled', 'where e.executor_id <> $1 and not e.settled'],
    liveness('work of another version is left alone'),
  ),
  mutant(
    'runs of a fenced executor go on',
    '4.6, L8',
    [fence, "this.#executor.lifecycle.voidAll('the executor was fenced');", ''],
    superseded('a fenced executor that lives voids its runs'),
  ),
  mutant(
    'an executor goes on under its old id',
    '4.6',
    [fence, 'Object.assign(identity, newIdentity());', 'identity.registered = false;'],
    superseded('a fenced executor that lives voids its runs'),
  ),
  mutant(
    'ids of executors are those of their processes',
    '4.6',
    ['core/executor/identity.js', 'const executorId = newId();', 'const executorId = `host-${process.pid}`;'],
    killer('behaviours/recovery', 'touches no row of another'),
  ),
  mutant(
    'rows carry the new id before it is registered',
    '4.6',
    ['core/journal/journal.js', 'await this.#owner.registering;', ''],
    superseded('start rows of an executor that registers anew wait'),
  ),
  mutant(
    'a fence check that yields a row instead of raising',
    '4.6',
    [executors, "${n.refuse}('APF01', 'the executor was fenced')", "'fenced'"],
    pooler('that begins after the fence raises'),
  ),
  mutant('the fence check locks nothing', '4.6', [executors, '= $1 for key share)', '= $1)'], pooler('a renewal does not wait for it, a takeover does')),
  mutant(
    'the fence check locks the row against the renewal',
    '4.6',
    [executors, '= $1 for key share)', '= $1 for share)'],
    pooler('a renewal does not wait for it, a takeover does'),
  ),
  mutant(
    'a takeover does not take the row',
    '4.6',
    [ending, 'survivors = await takeRow(executor, executorId);', 'survivors = [];'],
    pooler('ends the transactions that checked the fence before'),
  ),
  mutant(
    'statements that give rows do not check the fence',
    '4.6',
    ['core/store/store.js', '(await c.fly([this.fence(executorId), statement], { deadlineMs }))[1]', '(await c.fly([statement], { deadlineMs }))[0]'],
    statements('gives no rows to an executor that is fenced'),
  ),
  mutant(
    'what was read before a fence is run after it',
    'L8',
    ['core/executor/lifecycle.js', "if (run.executorId !== this.#executor.id) return this.voidRun(run, 'the executor was fenced', true);", ''],
    killer('laws/fenced-meanwhile', 'rows that were read before are no ground'),
  ),
  mutant(
    'a start that was on its way is written under an id that is lost',
    'L8',
    ['core/executor/barrier.js', 'return !this.#run.isVoid && this.#run.executorId === this.#run.executor.id;', 'return !this.#run.isVoid;'],
    killer('laws/fenced-meanwhile', 'a start that was on its way is not written'),
  ),
];
