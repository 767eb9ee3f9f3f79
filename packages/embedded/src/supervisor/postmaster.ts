import { spawn } from 'node:child_process';
import type { ChildProcess, StdioOptions } from 'node:child_process';
import { setTimeout as delay } from 'node:timers/promises';
import { EmbeddedError } from '../error.js';
import { clusterPath } from '../home/layout.js';
import { logPath, logSince, logSize, logTail, openLog } from '../log.js';
import type { Wants } from '../options.js';
import { HOST } from './address.js';
import { readPidFile } from './pid-file.js';
import { freePort } from './port.js';
import { endProcesses, isServerProcess, sendSignal, serverName } from './processes.js';
import type { Project } from './project.js';

const START_SECONDS = 120;
const POLL_MS = 10;

/** A running server. */
export interface Postmaster {
  readonly pid: number;
  readonly port: number;
  /** Resolved when the process is gone, however it ended. */
  readonly exited: Promise<void>;
}

/**
 * Starts PostgreSQL on a free port and waits until it accepts connections.
 * @param findPort finds a port that was free a moment ago
 * @throws EmbeddedError EMBEDDED_START with the end of the log
 */
export async function startPostmaster(project: Project, wants: Wants, preferredPort?: number, findPort = freePort): Promise<Postmaster> {
  const { home, dataDirectory } = project;
  let preferred = preferredPort;
  for (let attempt = 0; attempt < 10; attempt++) {
    const port = await findPort(preferred);
    const offset = await logSize(home);
    const child = await launch(project, wants, port, await serverName(clusterPath(home)));
    const exited = new Promise<void>((settle) => {
      child.once('exit', () => settle());
      child.once('error', () => settle());
    });
    if (child.pid !== undefined && (await becomesReady(project, child))) return { pid: child.pid, port, exited };
    await exited;
    if (!/could not bind|could not create any TCP\/IP sockets/.test(await logSince(home, offset))) throw await failed(project, offset);
    preferred = undefined; // taken in the meantime
  }
  throw new EmbeddedError('EMBEDDED_START', 'each free port was taken before PostgreSQL could listen on it: try again', { dataDirectory });
}

/** A server that another supervisor started, which was killed. */
export function adoptPostmaster(pid: number, port: number, name: string): Postmaster {
  const gone = async (): Promise<void> => {
    // Not our child: nothing tells that it ended.
    while (await isServerProcess(pid, name)) await delay(250);
  };
  return { pid, port, exited: gone() };
}

/** Stops PostgreSQL: in order, else at once, else by force. */
export async function stopPostmaster({ pid, exited }: Postmaster, name: string): Promise<void> {
  for (const [signal, ms] of [
    ['SIGINT', 15_000],
    ['SIGQUIT', 5_000],
  ] as const) {
    // prettier-ignore
    sendSignal(pid, signal);
    const timeout = new AbortController();
    const ended = await Promise.race([exited.then(() => true), delay(ms, false, { signal: timeout.signal })]);
    timeout.abort();
    if (ended) return;
  }
  await endProcesses(name);
}

async function launch({ home, identity, binaries }: Project, wants: Wants, port: number, name: string): Promise<ChildProcess> {
  const settings = {
    max_connections: '200',
    timezone: 'UTC',
    log_timezone: 'UTC',
    lc_messages: 'C',
    log_checkpoints: 'off', // one at each stop
    ...wants.settings,
    listen_addresses: HOST,
    port: String(port),
    unix_socket_directories: '',
    cluster_name: name,
    fsync: wants.durable ? 'on' : 'off',
  };
  const args = Object.entries(settings).flatMap(([key, value]) => ['-c', `${key}=${value}`]);
  const log = await openLog(home);
  try {
    // A session of its own: what is sent to the supervisor's group is not for the server.
    const account = identity && { uid: identity.uid, gid: identity.gid };
    const stdio: StdioOptions = ['ignore', log.fd, log.fd];
    return spawn(binaries.postgres, ['-D', clusterPath(home), ...args], { cwd: '/', env: binaries.env, detached: true, stdio, ...account });
  } finally {
    await log.close();
  }
}

async function becomesReady({ home, dataDirectory }: Project, child: ChildProcess): Promise<boolean> {
  for (let waited = 0; waited < START_SECONDS * 1000; waited += POLL_MS) {
    if (child.exitCode !== null || child.signalCode !== null) return false;
    const file = await readPidFile(clusterPath(home));
    if (file?.pid === child.pid && file?.ready) return true;
    await delay(POLL_MS);
  }
  child.kill('SIGQUIT');
  const problem = `PostgreSQL was not ready after ${START_SECONDS} seconds`;
  throw new EmbeddedError('EMBEDDED_START', `${problem}: see its log ${logPath(home)}`, { dataDirectory, log: await logTail(home) });
}

async function failed({ home, dataDirectory, identity }: Project, offset: number): Promise<EmbeddedError> {
  const log = await logTail(home, offset);
  const remedy = /could not access|permission denied/i.test(log) && identity
    ? `PostgreSQL runs as user ${identity.uid}, since it refuses root: open the folders above ${clusterPath(home)} to that user, or move the project`
    : `see its log ${logPath(home)} for the cause`; // prettier-ignore
  return new EmbeddedError('EMBEDDED_START', `the embedded PostgreSQL ended while it started: ${remedy}`, { dataDirectory, log });
}
