/** Transactions and their final flight: DESIGN 4.2, L1, L2, L3, L11. */
import type { Edit } from '../../crashes/planted/bugs.js';
import { killer, mutant, type Mutant } from '../mutant.js';

const transaction = 'core/store/connection/transaction.js';
const classify = 'core/store/connection/classify.js';
const commit = 'core/executor/commit.js';
const attempt = 'core/executor/steps/attempt.js';
const steps = 'core/executor/steps/transaction.js';

const l1 = (test: string) => killer('laws/l1-effect-and-record', test);
const l2 = (test: string) => killer('laws/l2-infrastructure', test);
const l3 = (test: string) => killer('laws/l3-lost-commit', test);
const unit = (test: string) => killer('connection/transaction', test);
const misuse = (test: string) => killer('connection/transaction-misuse', test);

const lookUp = 'const committed = await executor.store.untilAnswered((store) => store.isOwnEarlierAttempt({ ...emptyCargo(), ...rows }));';

/** The statement as one that yields to a row that is there. */
function ignoring(statement: string): Edit {
  return {
    file: 'core/store/statements/cargo.js',
    text: `out.push(${statement});`,
    by: `{ const s = ${statement}; out.push({ ...s, name: undefined, text: s.text + ' on conflict do nothing' }); }`,
  };
}

export const transactionMutants: readonly Mutant[] = [
  mutant(
    'the tag of COMMIT is not looked at',
    'L1',
    [transaction, "error ?? (answers.pop()?.command === 'COMMIT' ? undefined : this.#rolledBack())", 'error ?? (answers.pop(), undefined)'],
    misuse('found by the tag of COMMIT'),
  ),
  mutant(
    'an error that user code swallowed is not noticed before the commit',
    'L1',
    [transaction, 'if (written) this.#failed ??= failedStatement(error);', ''],
    misuse('a swallowed SQL error rolls back and names the statement'),
  ),
  mutant(
    'queries that were not awaited are not noticed',
    'L1',
    [transaction, 'if (this.#running > 0) this.#floating', 'if (false) this.#floating'],
    l1('a query that was not awaited rolls back'),
  ),
  mutant(
    'statements that were never sent are not noticed',
    'L1',
    [transaction, 'else if (unsent !== undefined)', 'else if (false)'],
    l1('a statement that was made and never sent'),
  ),
  mutant(
    'the handle is not sealed',
    'L1',
    [transaction, 'if (this.#sealed) return; this.#sealed = true;', 'if (this.#sealed) return;'],
    l1('code left behind sends nothing while the final flight'),
  ),
  mutant(
    'user code may commit',
    'L1',
    [
      transaction,
      'const { control, copiesThroughClient, maySet } = traitsOf(',
      'const { control = undefined, copiesThroughClient, maySet } = ((text) => ({ ...traitsOf(text), control: undefined }))(',
    ],
    l1('from user code is refused before it reaches the server'),
  ),
  {
    name: 'a transaction that user code ended goes unnoticed',
    breaks: 'L1',
    edits: [
      { file: transaction, text: "if (this.connection.status === 'I') this.#control ??= flight.statements.at(-1)?.text;", by: '' },
      { file: transaction, text: "case 'BEGIN': case 'START': case 'COMMIT': this.#control ??= command;", by: '' },
    ],
    killer: misuse('a transaction that ended all the same'),
  },
  mutant(
    'a joined function that throws spoils nothing',
    'L1',
    [steps, 'scope.doom ??= { error: legible(error) };', ''],
    l1('a joined function that throws rolls all of it back'),
  ),
  {
    name: 'records ignore conflicts',
    breaks: '4.2',
    edits: [ignoring('records(cargo.records, mayCopy)')],
    killer: killer('interleavings/01-plain-inserts', 'the winner commits its record after the loser'),
  },
  {
    name: 'start rows ignore conflicts',
    breaks: '4.2',
    edits: [ignoring('starts.plain(cargo.starts, offsetMs, mayCopy)')],
    killer: killer('interleavings/01-plain-inserts', 'the same for the start row, the winner commits after'),
  },
  mutant(
    "a conflict on a user's table is taken for one on the engine's",
    '4.5',
    [commit, "return where === schema && (table === 'workflow_status' || table === 'function_record');", 'return where !== undefined || table !== undefined;'],
    killer('laws/conditional-outcome', "a unique key of the user's own"),
  ),
  mutant('40001 is not retried', 'L2', [classify, "['40001', 'serialization'],", ''], l2('L2: 40001 is retried')),
  mutant('40P01 is not retried', 'L2', [classify, "['40P01', 'serialization'],", ''], l2('L2: 40P01 is retried')),
  mutant(
    'a lost connection is the outcome of the step',
    'L2',
    [classify, "case 'connection': case 'serialization':", "case 'serialization':"],
    killer('laws/l2-killed-backend', 'L2: waiting for a lock'),
  ),
  mutant(
    'a statement time-out of the user is retried for ever',
    'L2',
    [classify, 'return options?.engine === true;', 'return true;'],
    l2("57014 and 55P03 of the user's own settings"),
  ),
  mutant(
    'an error of user code that has a code of the driver is retried',
    'L2',
    [classify, "if (mark === undefined) return 'user'; if (mark.kind !== undefined)", 'if (mark?.kind !== undefined)'],
    killer('connection/classify', "errors of user code are the user's"),
  ),
  mutant(
    'an infrastructure error that user code swallowed is forgotten',
    'L2',
    [transaction, "if (this.#decisive === undefined && (isInfrastructure(error) || kind === 'fenced' || kind === 'void')) this.#decisive = error;", ''],
    l2('caught in a savepoint decides all the same'),
  ),
  mutant(
    "the last error decides, not the first of the infrastructure's",
    'L2',
    [
      attempt,
      'if (problem !== undefined && (fencedNow || isInfrastructure(problem))) {',
      'if (failure === undefined && problem !== undefined && (fencedNow || isInfrastructure(problem))) {',
    ],
    l2('decides over the error that the code threw instead'),
  ),
  mutant(
    'a retry loop does not look at the cancellation',
    'L2',
    ['core/executor/run.js', 'if (interruption !== undefined) throw interruption; if (this.poisoned', 'if (this.poisoned'],
    killer('laws/l2-retry-loops', 'a retry loop looks at the cancellation'),
  ),
  mutant(
    'a lost answer is taken for a commit',
    'L3',
    [commit, lookUp, 'const committed = true;'],
    killer('laws/l2-killed-backend', 'L2: right before COMMIT reaches it'),
  ),
  mutant('a lost answer is taken for a failure', 'L3', [commit, lookUp, 'const committed = false;'], l3('of every one of them, one after the other')),
  {
    name: 'a lost answer is taken for a failure, and conflicts are ignored',
    breaks: 'L3, 4.2',
    edits: [
      { file: commit, text: lookUp, by: 'const committed = false;' },
      ignoring('starts.plain(cargo.starts, offsetMs, mayCopy)'),
      ignoring('records(cargo.records, mayCopy)'),
    ],
    killer: l3('of every one of them, one after the other'),
  },
  mutant(
    'a batch whose answer was lost is taken for that of another run',
    'L3, 4.5',
    ['core/journal/journal.js', 'const mine = await this.#owner.store.untilAnswered((s) => s.isOwnEarlierAttempt(group.cargo));', 'const mine = false;'],
    killer('interleavings/11-lost-batch', 'no run takes itself for a loser'),
  ),
  mutant(
    'the old backend of the journal is not ended before a batch is sent again',
    'L3, 4.6',
    ['core/journal/journal.js', 'await this.#owner.store.endBackend(connection.pid);', ''],
    l3('a half-open journal'),
  ),
  mutant(
    "connections keep the server's default of the isolation level",
    'L11',
    ['core/store/connection/connections.js', "set default_transaction_isolation = 'read committed'", "set extra_float_digits = '1'"],
    killer('laws/L11-serializable', 'default_transaction_isolation = serializable'),
  ),
  mutant(
    "connections keep the server's default of synchronous_commit",
    'L11',
    ['core/store/connection/connections.js', "set_config('synchronous_commit', 'on', false)", "set_config('extra_float_digits', '1', false)"],
    killer('laws/L11-serializable', 'default_transaction_isolation = serializable'),
  ),
  mutant(
    'user code may make commits asynchronous',
    'L11',
    [transaction, 'const settings = this.#changedSettings || pooled;', 'const settings = pooled;'],
    unit('synchronous_commit is on at COMMIT'),
  ),
  mutant(
    'an outcome is an UPDATE, which takes predicate locks',
    'L11',
    [
      'core/store/statements/update-outcomes.js',
      'if (rows.length === 1 && first !== undefined)',
      `if (rows.length >= 1 && first !== undefined)
            return {
                name: 'apiary_outcome_updated',
                text: \`with u as (update \${names.workflow} w set status = $2, output = $3, error = $4 where w.workflow_id = $1 and w.status = 'PENDING' and w.executor_id = $5 and w.epoch = $6 returning 1)
                  select case when not exists (select from u) then \${names.refuse}('APV01', 'an outcome matched no row') end, $7::float8\`,
                values: [...cells(first), offsetMs],
            };
        if (false)`,
    ],
    killer('laws/L11-serializable', 'have no retries'),
  ),
  mutant(
    'a value read at serializable is delivered before the answer of COMMIT',
    'L11',
    [steps, "isolation === 'serializable' || !transaction.endReadOnly()", '!transaction.endReadOnly()'],
    killer('budgets/budgets', 'a read-only transaction costs the answer of COMMIT'),
  ),
  mutant(
    'the COMMIT that a reader left to the next transaction is never sent where none follows',
    '4.2',
    ['core/store/connection/connection.js', 'if (owed.length === 0 || this.lost) return done();', 'if (owed.length >= 0) return done();'],
    killer('budgets/budgets', 'no transaction stays open'),
  ),
  mutant(
    'the migration takes no lock',
    'L12',
    ['core/store/schema/migrate.js', 'await connection.fly([{ text: `select pg_advisory_xact_lock(${migrationLock})` }]);', ''],
    killer('behaviours/operations', 'safe when many launch at once'),
  ),
  mutant(
    'keys are ordered as the database orders texts',
    '4.2',
    ['core/store/schema/migrations.js', `const text = 'text collate "C"'`, `const text = 'text'`],
    killer('laws/collation', 'all that the engine keeps is ordered byte by byte'),
  ),
];
