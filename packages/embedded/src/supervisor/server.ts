import { clusterPath } from '../home/layout.js';
import type { ServerAddress } from '../control/wire.js';
import type { Wants } from '../options.js';
import { DATABASE, HOST, ROLE } from './address.js';
import { prepareCluster, readPassword } from './cluster.js';
import { openDatabase } from './database.js';
import { startGuard } from './guard.js';
import type { Guard } from './guard.js';
import { readPidFile, removePidFile } from './pid-file.js';
import { adoptPostmaster, startPostmaster, stopPostmaster } from './postmaster.js';
import type { Postmaster } from './postmaster.js';
import { endProcesses, sendSignal, serverName, serverProcesses } from './processes.js';
import type { Project } from './project.js';
import { conflict, readState, writeState } from './state.js';

/** The server of a project, from a folder in any state to an address that accepts connections. */
export class ProjectServer {
  readonly exited: Promise<void>;
  readonly #postmaster: Postmaster;
  readonly #name: string;
  readonly #guard: Guard;

  private constructor(
    postmaster: Postmaster,
    readonly address: ServerAddress,
    readonly wants: Wants,
    name: string,
    guard: Guard,
  ) {
    this.#postmaster = postmaster;
    this.#name = name;
    this.#guard = guard;
    this.exited = postmaster.exited.then(() => guard.dismiss());
  }

  /**
   * Starts the server, or takes over one that a killed supervisor left running.
   * @throws EmbeddedError
   */
  static async open(project: Project, wants: Wants, seat: number): Promise<ProjectServer> {
    void import('pg'); // it is needed at the end, and loading it takes a while
    const cluster = clusterPath(project.home);
    const last = await readState(project);
    const running = await clearAway(cluster, last !== undefined && conflict(last.wants, wants) === undefined);
    const isNew = await prepareCluster(project, wants.durable);
    const name = await serverName(cluster);
    const password = await readPassword(project);
    const postmaster = running ?? (await startPostmaster(project, wants, last?.port));
    const guard = startGuard(postmaster.pid, cluster, project.home, seat);
    try {
      const address = { host: HOST, port: postmaster.port, user: ROLE, password, database: DATABASE };
      await openDatabase(project, address, isNew);
      const present = running && last ? last.wants : wants;
      await writeState(project, { port: postmaster.port, wants: present });
      return new ProjectServer(postmaster, address, present, name, guard);
    } catch (error) {
      await stopPostmaster(postmaster, name);
      guard.dismiss();
      throw error;
    }
  }

  async stop(): Promise<void> {
    await stopPostmaster(this.#postmaster, this.#name);
    this.#guard.dismiss();
  }
}

/**
 * Deals with what an unclean end left: a postmaster that still runs is kept, when it may be, or stopped; children without a postmaster are
 * ended, for they hold its shared memory; a pid file whose number now belongs to a stranger is removed, for PostgreSQL would believe it.
 */
async function clearAway(cluster: string, mayKeep: boolean): Promise<Postmaster | undefined> {
  const file = await readPidFile(cluster);
  if (!file) return undefined;
  const name = await serverName(cluster);
  if ((await serverProcesses(name)).includes(file.pid)) {
    const postmaster = adoptPostmaster(file.pid, file.port ?? 0, name);
    if (mayKeep && file.ready && file.port !== undefined) return postmaster;
    await stopPostmaster(postmaster, name);
  }
  await endProcesses(name);
  if (Number.isInteger(file.pid) && sendSignal(file.pid, 0)) await removePidFile(cluster);
  return undefined;
}
