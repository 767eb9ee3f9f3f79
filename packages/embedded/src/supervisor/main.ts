import { Socket } from 'node:net';
import { findBinaries } from '../binaries/binaries.js';
import { takeSeat } from '../control/seat.js';
import type { SupervisorMessage } from '../control/wire.js';
import { handOver } from '../home/files.js';
import { identityFor } from '../home/identity.js';
import { logPath } from '../log.js';
import type { Project } from './project.js';
import { Supervisor } from './supervisor.js';

/*
 * The process that owns the server of one data folder. A client starts it, detached, with the client's end of a socket as file 3; further
 * clients connect to the seat. It ends when the last socket is closed, which the kernel does for a process that was killed.
 */
const [home = '', dataDirectory = ''] = process.argv.slice(2);
const first = new Socket({ fd: 3, readable: true, writable: true });
first.on('error', () => {});

const supervisor = new Supervisor(findProject);
for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, () => supervisor.terminate());

const seat = await takeSeat(home, (socket) => supervisor.admit(socket), giveSocket);
if (seat) {
  supervisor.admit(first);
  await supervisor.run(seat.server, seat.number);
} else {
  first.end(`${JSON.stringify({ type: 'lost' } satisfies SupervisorMessage)}\n`);
}

async function findProject(): Promise<Project> {
  const identity = await identityFor(home);
  await handOver(logPath(home), identity);
  return { home, dataDirectory, identity, binaries: await findBinaries(home, identity) };
}

/** Started by root in a user's project: the user's own processes can join. */
async function giveSocket(path: string): Promise<void> {
  await handOver(path, await identityFor(home));
}
