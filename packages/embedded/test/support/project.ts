import { startEmbedded } from '@apiary/embedded';
import type { EmbeddedOptions, EmbeddedServer } from '@apiary/embedded';
import { execFile } from 'node:child_process';
import { chmod, mkdtemp, readFile, realpath, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { ClientProcess } from './client.js';
import { processesWith, untilNone } from './processes.js';
import { query } from './query.js';

const folders: string[] = [];
const servers: EmbeddedServer[] = [];
let template: Promise<string> | undefined;

/** Starts the server in this process; the end of the test stops it in any case. */
export async function start(options: EmbeddedOptions): Promise<EmbeddedServer> {
  const server = await startEmbedded(options);
  servers.push(server);
  return server;
}

/** A fresh folder that each account can pass through, removed after the test. */
export async function freshFolder(): Promise<string> {
  const folder = await realpath(await mkdtemp(join(tmpdir(), 'embedded-test-')));
  await chmod(folder, 0o755);
  folders.push(folder);
  return folder;
}

/** A data folder, in a fresh folder, whose database has a table `kept` with the `answer` 42. */
export async function folderWithData(): Promise<string> {
  template ??= makeTemplate();
  const dataDirectory = join(await freshFolder(), '.apiary');
  await promisify(execFile)('cp', ['-a', await template, dataDirectory]); // initdb for each test takes a second
  return dataDirectory;
}

async function makeTemplate(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'embedded-template-'));
  await chmod(folder, 0o755);
  const server = await startEmbedded({ dataDirectory: join(folder, '.apiary') });
  await query(server.connectionString, 'create table kept as select 42 as answer');
  await server.stop();
  return join(folder, '.apiary');
}

after(async () => {
  if (template) await rm(join(await template, '..'), { recursive: true, force: true });
});

/** The folder in which the server of a data folder lives. */
export async function homeOf(dataDirectory: string): Promise<string> {
  const location = await readFile(join(dataDirectory, 'location'), 'utf8').catch(() => undefined);
  return location?.trim() ?? dataDirectory;
}

/** Ends what a test left running, proves that nothing else runs, and removes the folders. */
export async function cleanUp(): Promise<void> {
  await Promise.all(servers.splice(0).map((server) => server.stop()));
  for (const client of ClientProcess.all) if (!client.ended) client.child.kill('SIGKILL');
  ClientProcess.all.clear();
  for (const folder of folders.splice(0)) {
    const homes = [folder, await homeOf(join(folder, '.apiary')), await homeOf(join(folder, 'project', '.apiary'))];
    for (const home of new Set(homes.filter((path) => path.length > 1))) {
      await untilNone(home).catch((error: unknown) => {
        for (const pid of processesWith(home)) process.kill(pid, 'SIGKILL');
        throw error;
      });
      await rm(home, { recursive: true, force: true });
    }
  }
}
