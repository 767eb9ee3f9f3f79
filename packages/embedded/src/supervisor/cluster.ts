import { randomBytes } from 'node:crypto';
import { chown, mkdtemp, open, readFile, readdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { EmbeddedError, systemCode } from '../error.js';
import { exists, giveTree, writePrivate } from '../home/files.js';
import { clusterPath, keptPath, originPath, passwordPath, unsyncedPath } from '../home/layout.js';
import { run } from '../run.js';
import { ROLE } from './address.js';
import type { Project } from './project.js';

/**
 * Makes the cluster, where there is none, and checks that this server can open it.
 * @throws EmbeddedError DATABASE_VERSION for data of another major version; EMBEDDED_START when initdb fails
 * @returns whether it is new
 */
export async function prepareCluster(project: Project, durable: boolean): Promise<boolean> {
  const { home, identity } = project;
  const found = await clusterVersion(project);
  if (found === undefined) await makeCluster(project, durable);
  else if (found !== project.binaries.major) throw otherVersion(project, found);
  await checkOwner(project);
  if (!durable) await writePrivate(unsyncedPath(home), '', identity);
  else if (await exists(unsyncedPath(home))) await synchronise(project);
  if (durable && (await exists(originPath(home)))) await writePrivate(keptPath(home), '', identity);
  return found === undefined;
}

/** The password of the cluster's role. */
export async function readPassword({ home, dataDirectory }: Project): Promise<string> {
  try {
    return (await readFile(passwordPath(home), 'utf8')).trim();
  } catch (cause) {
    const problem = `the password of the embedded PostgreSQL cannot be read (${passwordPath(home)})`;
    throw new EmbeddedError(
      'EMBEDDED_START',
      `${problem}: put it back, or remove ${dataDirectory}, with all data, to start afresh`,
      { dataDirectory },
      { cause },
    );
  }
}

/** The major version of the data, or undefined when there are none. */
async function clusterVersion({ home, dataDirectory }: Project): Promise<string | undefined> {
  const cluster = clusterPath(home);
  if (!(await exists(cluster))) return undefined;
  try {
    return (await readFile(join(cluster, 'PG_VERSION'), 'utf8')).trim();
  } catch (cause) {
    const problem = `${cluster} holds no PostgreSQL data that could be read`;
    const remedy = systemCode(cause) === 'EACCES' ? 'it belongs to another user: start as that user, or' : 'put the data back, or';
    throw new EmbeddedError('EMBEDDED_START', `${problem}: ${remedy} remove ${dataDirectory} to start afresh`, { dataDirectory }, { cause });
  }
}

function otherVersion({ home, dataDirectory, binaries }: Project, found: string): EmbeddedError {
  const needed = binaries.major;
  const problem = `the data in ${clusterPath(home)} were written by PostgreSQL ${found}, and the embedded server is PostgreSQL ${needed}, which cannot read them`;
  const remedy = `dump them with the release that wrote them (pg_dump ${found}) and load them into a new folder; or remove ${dataDirectory}, with all data, to start afresh`;
  return new EmbeddedError('DATABASE_VERSION', `${problem}: ${remedy}`, { found, needed, dataDirectory });
}

async function makeCluster(project: Project, durable: boolean): Promise<void> {
  const { home, dataDirectory, identity, binaries } = project;
  await sweepDrafts(home);
  // Under another name until it is complete: a cluster of the right name can be opened.
  const draft = await mkdtemp(join(home, 'init-'));
  try {
    const password = randomBytes(24).toString('base64url');
    const passwordFile = join(draft, 'password');
    await writeFile(passwordFile, `${password}\n`, { mode: 0o600 });
    const account = identity?.listed;
    if (account) await Promise.all([draft, passwordFile].map((path) => chown(path, account.uid, account.gid)));
    const locale = ['--encoding=UTF8', '--locale=C', '--locale-provider=builtin', '--builtin-locale=C.UTF-8'];
    const access = [`--username=${ROLE}`, `--pwfile=${passwordFile}`, '--auth=scram-sha-256'];
    const args = ['-D', join(draft, 'data'), ...locale, ...access, '--no-instructions', ...(durable ? [] : ['--no-sync'])];
    const { code, output } = await run(binaries.initdb, args, account, binaries.env);
    if (code !== 0) throw initFailed(dataDirectory, output);
    if (identity && account?.uid !== identity.uid) await giveTree(join(draft, 'data'), identity);
    await writePrivate(passwordPath(home), `${password}\n`, identity);
    await rename(join(draft, 'data'), clusterPath(home));
    if (durable) await synchroniseFolder(home);
  } finally {
    await rm(draft, { recursive: true, force: true });
  }
}

function initFailed(dataDirectory: string, output: string): EmbeddedError {
  const remedy = output.includes('could not look up effective user ID')
    ? 'add a line for this user to /etc/passwd'
    : 'see the output below for the cause (a full disk, a limit on memory)';
  return new EmbeddedError(
    'EMBEDDED_START',
    `initdb could not make the data of the embedded PostgreSQL: ${remedy}, or use a server of your own with DATABASE_URL`,
    {
      dataDirectory,
      log: output.slice(-4000),
    },
  );
}

/** What a killed initdb left. If it still runs, it goes on in its own folder and does no harm. */
async function sweepDrafts(home: string): Promise<void> {
  for (const name of await readdir(home)) {
    if (name.startsWith('init-')) await rm(join(home, name), { recursive: true, force: true }).catch(() => {});
  }
}

/** PostgreSQL opens only a folder of its own account; a folder that was copied, or given to root, is given back. */
async function checkOwner({ home, dataDirectory, identity }: Project): Promise<void> {
  const { uid } = await stat(clusterPath(home));
  const needed = identity?.uid ?? process.getuid?.();
  if (uid === needed) return;
  if (identity) return await giveTree(clusterPath(home), identity);
  const problem = `the data in ${clusterPath(home)} belong to user ${uid}, and this process is user ${needed}`;
  throw new EmbeddedError('EMBEDDED_START', `${problem}: start as that user or root, change the owner, or set \`dataDirectory\``, { dataDirectory });
}

/** Brings what was written without fsync to the disk, before a start that promises it. */
async function synchronise({ home, dataDirectory, identity, binaries }: Project): Promise<void> {
  const { code, output } = await run(binaries.initdb, ['--sync-only', '-D', clusterPath(home)], identity, binaries.env);
  if (code !== 0) throw new EmbeddedError('EMBEDDED_START', 'the data could not be brought to the disk: check the disk', { dataDirectory, log: output });
  await rm(unsyncedPath(home), { force: true });
}

async function synchroniseFolder(folder: string): Promise<void> {
  const handle = await open(folder);
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
