/** Runs, the buffer, the journal, the outcome in the last commit: DESIGN 4.3, 4.4, 4.5, L2, L4, L7, L8, L9, L10. */
import { killer, mutant, type Mutant } from '../mutant.js';

const run = 'core/executor/run.js';
const lifecycle = 'core/executor/lifecycle.js';
const held = 'core/executor/held-flight.js';
const buffer = 'core/executor/buffer.js';
const barrier = 'core/executor/barrier.js';
const journal = 'core/journal/journal.js';
const child = 'core/executor/steps/child.js';

const deferral = (test: string) => killer('laws/deferral', test);
const last = (test: string) => killer('laws/outcome-in-the-last-commit', test);
const voids = (test: string) => killer('laws/void-runs', test);
const failover = (test: string) => killer('laws/failover', test);

export const runMutants: readonly Mutant[] = [
  mutant(
    'a run whose database changed its timeline keeps its buffer',
    '4.5',
    [lifecycle, 'for (const run of this.running) this.voidRun(run, reason, true);', 'for (const run of this.running) this.voidRun(run, reason);'],
    failover('what rests on a lost record'),
  ),
  mutant('a changed timeline is not noticed', '4.5', ['core/launch.js', 'if (before === found) return;', 'return;'], failover('what rests on a lost record')),
  {
    name: 'a fork whose row was lost begins from scratch',
    breaks: '4.5',
    edits: [
      { file: lifecycle, text: 'if (run.parent !== undefined || run.first === undefined) {', by: 'if (run.parent !== undefined) {' },
      {
        file: lifecycle,
        text: 'const start = { ...run.first, executorId: executor.id };',
        by: 'const start = { ...(run.first ?? this.startRow(fn, run.workflowId, run.input, run.deadline)), executorId: executor.id };',
      },
    ],
    killer: failover('a fork whose row was lost'),
  },
  mutant(
    'inline children of a void run go on',
    '4.5',
    [run, 'for (const child of this.#inline ?? []) this.executor.lifecycle.voidRun(child, `its parent run is void: ${reason}`);', ''],
    voids('inline children of a void run are void too'),
  ),
  {
    name: 'a void run throws into its body',
    breaks: '4.5',
    edits: [
      { file: run, text: 'if (error instanceof RunVoid) return never();', by: '' },
      { file: run, text: 'if (this.isVoid) return never(); const wait', by: 'const wait' },
    ],
    killer: voids('nobody sees an exception'),
  },
  {
    name: 'the next call of a void run is refused with an error',
    breaks: '4.5',
    edits: [
      { file: run, text: "if (this.state === 'void') return never(); const stepId", by: 'const stepId' },
      {
        file: 'core/executor/router.js',
        text: 'function step(run, fn, target, args) { if (run.isVoid) return never();',
        by: 'function step(run, fn, target, args) {',
      },
    ],
    killer: voids('a void body that something else resumes gets no further'),
  },
  mutant(
    'a void run forgets its buffer',
    '4.5',
    [lifecycle, 'const kept = foreign ? [] : run.buffer.map((b) => b.row);', 'const kept = [];'],
    voids('replayed with what is durable and what is in the buffer'),
  ),
  mutant(
    'a run keeps what it made on a value that never became durable',
    '4.5',
    [held, 'run.dropAfter(record);', ''],
    voids('what a body made on a value that never came to be'),
  ),
  mutant(
    'a run forgets what its body was told before a value that never became durable',
    '4.5',
    [run, 'b.row.completedAt < record.completedAt', 'Number(b.row.stepId) < Number(record.stepId)'],
    voids('what a body was told before that value stays'),
  ),
  mutant(
    'a void run reads its row before its flights are answered',
    '4.5',
    [lifecycle, 'for (let c = carrier(run); c !== undefined; c = carrier(run)) await c.answered; await run.held?.send().catch(ignore);', ''],
    voids('flights that carry its rows are answered first'),
  ),
  mutant(
    'a refused final flight after the hand-over leaves the run alive',
    '4.4',
    [held, 'run.executor.lifecycle.voidRun(', 'void ('],
    killer('laws/l2-infrastructure', '40001 at the commit, after the body went on, is no error'),
  ),
  mutant(
    'the caller is answered before the outcome is durable',
    '4.4',
    [lifecycle, 'async finish(run, outcome, durable = false) {', 'async finish(run, outcome, durable = false) { this.#settle(run.ticket, outcome);'],
    last('the caller is answered when the commit is'),
  ),
  mutant(
    'the next call does not wait for the final flight',
    '4.4',
    [run, 'if (this.held !== undefined) await this.held.send();', 'if (this.held !== undefined) void this.held.send();'],
    last('the flight at once, and waits for its answer'),
  ),
  mutant(
    'a held flight waits for the body, however long it computes',
    '4.4',
    [held, 'atRest(this.#send);', ''],
    last('a body that goes on computing does not keep the transaction open'),
  ),
  mutant(
    'lines are logged on a value that is not durable',
    '4.4',
    [held, 'options.run.heldLog = [];', ''],
    last('log lines of the stretch are dropped when the run is void'),
  ),
  mutant('a function whose flight failed is held again at once', '4.4', [held, 'caution.failed();', ''], last('the function is sent at once for a while')),
  mutant(
    'a body ends while its steps are under way',
    '4.4',
    ['core/executor/body.js', 'if (floating !== undefined) {', 'if (false) {'],
    killer('behaviours/starts-and-handles', 'a result that nobody awaits fails the workflow as a floating call'),
  ),
  mutant(
    'a communicator starts before what it was given is durable',
    '4.3',
    ['core/executor/steps/communicator.js', 'for (let next = run.unflushed(); next !== undefined; next = run.unflushed()) await next;', ''],
    deferral('what nobody has observed is durable at the barrier'),
  ),
  mutant(
    'a step beside an unsettled one does not wait for the start row',
    '4.3',
    [run, 'if (this.hasSiblings(call)) await this.flushed();', ''],
    deferral('waits, before its BEGIN, until the start row is durable'),
  ),
  mutant(
    'rows of a write that rolled back do not return to the buffer',
    '4.3',
    [buffer, 'if (record.carrier === this && !durable) record.carrier = undefined;', ';'],
    deferral('rows of a write that rolled back return to the buffer'),
  ),
  {
    name: 'a row has two carriers',
    breaks: 'L4, 4.3',
    edits: [
      { file: buffer, text: 'if (record.carrier !== undefined) continue;', by: '' },
      {
        file: 'core/executor/commit.js',
        text: "for (let carrier = carrierOf(run, 'journal'); carrier !== undefined; carrier = carrierOf(run, 'journal')) await carrier.answered;",
        by: '',
      },
    ],
    killer: killer('interleavings/19-communicator-then-slow-transaction', "the final flight waits for the journal's answer"),
  },
  mutant(
    'a final flight does not wait for the journal',
    '4.3',
    [
      'core/executor/commit.js',
      "for (let carrier = carrierOf(run, 'journal'); carrier !== undefined; carrier = carrierOf(run, 'journal')) await carrier.answered;",
      '',
    ],
    killer('interleavings/19-communicator-then-slow-transaction', "the final flight waits for the journal's answer"),
  ),
  mutant(
    'a group is sent behind a row that is under way',
    '4.3',
    [barrier, 'for (let carrier = carrierOf(run); carrier !== undefined; carrier = carrierOf(run)) await carrier.answered;', ''],
    killer('interleavings/23-poison-row', 'a step behind a row that is under way waits for its answer'),
  ),
  mutant(
    'a barrier group is sent in pieces',
    'L4',
    [
      journal,
      'const answer = connection.fly(statements, { deadlineMs, behind });',
      'const answer = (async () => { const all = []; for (const one of statements) all.push(...(await connection.fly([one], { deadlineMs }))); return all; })();',
    ],
    killer('laws/l4-barrier-group', 'in one commit of the journal'),
  ),
  mutant(
    'a batch that failed is not split',
    '4.3',
    [
      journal,
      "if (batch.length > 1 && (kind === 'timeout' || !isInfrastructure(error, { engine: true }))) return this.#split(batch);",
      'if (batch.length > 1 && !isInfrastructure(error, { engine: true })) return batch.forEach((g) => g.failed(error));',
    ],
    killer('interleavings/journal', 'while a batch is split because of one row'),
  ),
  mutant(
    "a communicator's record is never sent by itself",
    '4.3',
    [barrier, 'this.#alarm ??= after(lingerMs, this.#sweep);', ''],
    deferral("a communicator's record that nothing carries"),
  ),
  mutant('unflushed bytes are not bounded', '4.3', [journal, 'return this.#bytes <= bound;', 'return true;'], deferral('unflushed bytes are bounded')),
  mutant(
    "a parent goes on before its child's outcome is durable",
    '4.3',
    [
      lifecycle,
      'async finish(run, outcome, durable = false) {',
      'async finish(run, outcome, durable = false) { if (run.parent !== undefined) this.#settle(run.ticket, outcome);',
    ],
    deferral("a parent's record of a child's result comes with or after"),
  ),
  mutant(
    'what a transaction starts is inserted after its commit',
    '4.3',
    ['core/executor/commit.js', 'if (final.outbox.length > 0) load.cargo.foreign.push(...final.outbox);', ''],
    deferral('starts in a @Transaction ride its final flight'),
  ),
  mutant(
    'an explicit id does not look at the input',
    '4.3',
    ['core/executor/outside.js', 'if (storedHash === null || storedHash === input.hash) return;', 'return;'],
    killer('interleavings/20-explicit-id', 'other input or another function is CONFLICT'),
  ),
  mutant(
    'an outcome is looked for only when somebody tells',
    'L9',
    ['core/executor/observer.js', 'this.#delay = Math.min(this.#executor.config.pollMs, this.#delay * 1.5); this.#plan(this.#delay);', ''],
    killer('laws/L9-clocks', 'without LISTEN/NOTIFY'),
  ),
  mutant(
    'who waits for an ancestor waits for ever',
    'L10',
    [child, 'if (!(await isAncestor(run, id))) return;', 'return;'],
    killer('laws/L10-waiting', 'who would wait for'),
  ),
  mutant(
    "the engine's statements wait for connections of user code",
    'L10',
    ['core/store/connection/connections.js', 'return this.#engine().acquire();', 'return this.#user.acquire();'],
    killer('laws/L10-waiting', 'user code that holds every connection does not starve'),
  ),
  mutant(
    'a run begins after the shutdown',
    'L7',
    [lifecycle, 'this.#closed = true;', ''],
    killer('interleavings/20-explicit-id', 'a lookup that is answered after the shutdown'),
  ),
  mutant(
    'a closed journal takes groups',
    'L2',
    [journal, "return group.failed(apiaryError('SHUTTING_DOWN', {}));", ';'],
    killer('interleavings/journal', 'a group that comes after the shutdown fails at once'),
  ),
  mutant(
    'what is thrown is looked at without a guard',
    'L2',
    ['core/executor/legible.js', 'void (thrown instanceof Error || isApiaryError(thrown) || driverMark(thrown));', ''],
    killer('behaviours/values', 'whatever is thrown ends the workflow'),
  ),
  mutant(
    'a direct communicator does not look at the lease after it waited',
    'L8',
    ['core/executor/direct.js', 'if (!run.executor.lease.isLive())', 'if (false)'],
    killer('interleavings/journal', 'a direct communicator whose lease ended'),
  ),
  mutant(
    'a void run begins its inline child',
    'L8',
    [child, 'if (run.isVoid)', 'if (false)'],
    killer('laws/fenced-meanwhile', 'became void while it looked for its inline child'),
  ),
  mutant(
    'a cancellation in an error of the body is that error',
    '4.5',
    ['core/executor/failure.js', 'depth < deepest', 'depth < 1'],
    killer('behaviours/cancellation', 'in an error of its own'),
  ),
  mutant(
    'an end of children that a shutdown interrupts is an error that nobody catches',
    'L7',
    ['core/executor/cascade.js', 'return false;', 'throw error;'],
    killer('laws/shutdown-while-waiting', 'a cancelled workflow that waits for the end of its children'),
  ),
  mutant(
    'what was put behind a ticket that has gone is not found any more',
    '4.3',
    ['core/churn-map.js', 'for (let at = (gap + 1) & mask; this.#keys[at] !== undefined; at = (at + 1) & mask) {', 'for (let at = gap; false; ) {'],
    killer('churn-map', 'holds what a Map holds'),
  ),
  mutant(
    'a run that took the place of another cannot leave',
    '4.5',
    ['core/executor/roster.js', 'last.seat = seat;', ''],
    killer('memory/memory', 'leave the heap where it was'),
  ),
];
