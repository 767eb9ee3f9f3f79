/** `apiary-check-deploy`: may this code take over what the deployed code has begun? */
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import type { ConcreteType, Provided } from '@apiary/core';
import type { ReplayProblem } from './judge.js';
import { replayCheck } from './replay-check.js';

const usage = `apiary-check-deploy [--database <connection string>] [--all] <module> [<history.json> ...]

Replays workflows against the services of a module and tells which no longer fit. Runs no step and writes nothing.

  <module>     a JavaScript file that exports \`services\` (and \`provide\`, if bodies of workflows read provided values), by name or as its default
  <history>    files that exportHistory wrote
  --database   workflows of a database that have not ended; default DATABASE_URL, unless files are given
  --all        workflows that have ended, too

Ends with 0 if all fit, with 1 if some do not, with 2 if it could not check.
`;

export interface Surroundings {
  readonly databaseUrl: string | undefined;
  readonly print: (text: string) => void;
}

/**
 * Checks as the arguments say.
 * @returns the exit code
 */
export async function checkDeploy(args: readonly string[], { databaseUrl, print }: Surroundings): Promise<0 | 1 | 2> {
  try {
    const { values, positionals } = parseArgs({
      args: [...args],
      allowPositionals: true,
      options: { database: { type: 'string' }, all: { type: 'boolean' }, help: { type: 'boolean', short: 'h' } },
    });
    const [module, ...files] = positionals;
    if (values.help === true || module === undefined) {
      print(usage);
      return values.help === true ? 0 : 2;
    }
    const code = await load(module);
    const database = values.database ?? (files.length === 0 ? databaseUrl : undefined);
    const found = files.length === 0 ? { checked: 0, problems: [] } : await replayCheck({ ...code, files });
    const stored =
      database === undefined && files.length > 0 ? { checked: 0, problems: [] } : await replayCheck({ ...code, database, pendingOnly: values.all !== true });
    const problems = [...found.problems, ...stored.problems];
    for (const problem of problems) print(`${told(problem)}\n`);
    const checked = found.checked + stored.checked;
    print(`${checked} ${checked === 1 ? 'workflow' : 'workflows'} replayed, ${problems.length === 0 ? 'all fit' : `${problems.length} no longer fit`}\n`);
    return problems.length === 0 ? 0 : 1;
  } catch (error) {
    print(`could not check: ${error instanceof Error ? error.message : String(error)}\n`);
    return 2;
  }
}

interface Code {
  readonly services: readonly ConcreteType[];
  readonly provide?: Provided<readonly unknown[]>;
}

async function load(module: string): Promise<Code> {
  const exported = (await import(pathToFileURL(resolve(module)).href)) as Partial<Code> & { default?: Partial<Code> };
  const { services, provide } = exported.services === undefined ? (exported.default ?? {}) : exported;
  if (services === undefined) throw new Error(`${module} exports no \`services\``);
  return { services, ...(provide === undefined ? {} : { provide }) };
}

function told({ workflowId, stepId, recorded, called, line }: ReplayProblem): string {
  return `workflow ${workflowId}${stepId === '' ? '' : `, step ${stepId}`} (${line})\n  recorded  ${recorded}\n  called    ${called}`;
}
