/**
 * Makes docs/errors.md from the catalogue: code, HTTP status, details and meaning from its comments, and what to do from here.
 * `node scripts/errors-page.mjs` writes the page; test/errors-page.test.mjs holds it to the catalogue.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { root } from './tools.mjs';

export const page = join(root, 'docs', 'errors.md');
const source = readFileSync(join(root, 'packages', 'decorators', 'src', 'errors.ts'), 'utf8');

const remedies = {
  VALIDATION: 'Show the caller `details.violations`: each has the path, the rule and a message.',
  INVALID_ID: 'Give an id of 1 to 512 bytes of well-formed Unicode without NUL, or none.',
  NOT_RECORDABLE: 'Pass and return data; `details.path` names what is none. Mark a class `@Serializable` to get its instances back.',
  PAYLOAD_TOO_LARGE: 'Store the value in a table and pass its key, or raise `limits.payload`.',
  CONFLICT: 'Use another id for another call. If it is meant to be the same call, make its input the same.',
  NOT_FOUND: 'Check the id; a workflow that was never started, or whose start rolled back, does not exist.',
  NOT_A_FUNCTION: 'Decorate the method, or deploy the code that has it: a recorded workflow may name a function that is gone.',
  NOT_A_SERVICE: 'Add the class to `services`, or the value to `provide`.',
  NOT_LAUNCHED: 'Call the method on `app.get(Service)`, after `Apiary.launch`; in a unit test use `unmanaged()` of @apiary/testing.',
  NO_CONTEXT: 'Call it in a function. Outside use the app: `app.start`, `app.handle`.',
  NO_TRANSACTION: 'Move the statement into a @Transaction or @Procedure; outside functions use `app.knex`.',
  FORBIDDEN_CALL: 'Call it where the message says, mostly in the body of the workflow.',
  ROW_COUNT: 'Use `maybe()` where no row is possible; else find out why there are others.',
  CANCELLED: 'Nothing, if it was meant; `handle.resume()` goes on after the last record.',
  DEADLINE: 'Give more time, or `deadline: null`; `handle.resume()` goes on without the deadline that has passed.',
  DEAD: 'Find what kills its process (the log of the executors tells), mend it, then `handle.resume()`.',
  WAIT_TIMEOUT: 'Ask again later: `app.handle(id).result()`.',
  STEP_TIMEOUT: 'Raise `timeout`, or let the call end on `signal()`. The outside may have acted: that is what `idempotencyKey()` is for.',
  TRANSACTION_TIMEOUT: 'Do less in one transaction, look for who holds its locks, or raise `timeout`.',
  RETRIES_EXHAUSTED: 'Read `details.errors`. A recorded error stays: start or fork a workflow anew once the outside is well.',
  NONDETERMINISM: 'Move what differs (time, randomness, reads, branches on them) into steps; give changed code a new `version`.',
  FLOATING_QUERY: 'Await the statement; its text is in `details`.',
  FLOATING_CALL: 'Await the call, or `start` it as a child that outlives the workflow.',
  ROLLED_BACK: 'Let the SQL error through, or run the statement in a savepoint: `db.transaction(...)`.',
  FENCED: 'Nothing: the executor registers anew. If it comes often, raise `lease`, or find what blocks the event loop.',
  SHUTTING_DOWN: 'Send the call to another process; what ran here is taken over.',
  CONFIG: 'Correct the option at `details.path`.',
  DEPENDENCY: 'Follow `details.path`: add the class to `services`, give the value by `provide`, break the cycle by `Lazy`, or emit metadata.',
  REGISTRATION: 'Each problem in `details.problems` comes with its remedy.',
  DATABASE_UNREACHABLE: 'Start PostgreSQL, or correct `database` or DATABASE_URL.',
  DATABASE_VERSION: "Update the server or @apiary/core as the message says; without tables launch once with `schemaMigration: 'apply'`.",
};

/** The codes that the catalogue has texts for. */
export function codesOfCatalogue() {
  const texts = source.slice(source.indexOf('const catalogue'), source.indexOf('const extra'));
  return [...texts.matchAll(/^ {2}([A-Z_]+): entry</gm)].map(([, code]) => code);
}

/** @throws Error for a code whose meaning or remedy is missing */
export function errorsPage() {
  const lines = source.slice(source.indexOf('export interface ErrorCatalogue'), source.indexOf('export type ErrorCode')).split('\n');
  const cell = (text) => text.replaceAll('|', '\\|');
  const rows = lines.flatMap((line, at) => {
    const [, code, details] = /^\s*([A-Z_]+): (.*);$/.exec(line) ?? [];
    if (code === undefined) return [];
    const [, status, meaning] = /^\s*\/\*\* \[(\d+)\] (.+?) \*\/$/.exec(lines[at - 1]) ?? [];
    if (meaning === undefined || remedies[code] === undefined)
      throw new Error(`${code}: say what it means (in the catalogue) and what to do (in scripts/errors-page.mjs)`);
    return [`| \`${code}\` | ${status} | ${cell(meaning)} | ${cell(remedies[code])} | \`${cell(details)}\` |`];
  });
  return `# Errors

Every error of Apiary is one class with a stable \`code\`: \`if (isApiaryError(e, 'CONFLICT')) e.details.stored\`. The code is the contract, the text is not. Made from the
catalogue by \`node scripts/errors-page.mjs\`.

| code | HTTP | when | what to do | details |
|---|---|---|---|---|
${rows.join('\n')}

Two classes are thrown *to* Apiary by a communicator: \`NonRetryableError\` (no further attempt) and \`RetryAfterError(message, after)\` (the next attempt after this time).
`;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) writeFileSync(page, errorsPage());
