import { randomBytes } from 'node:crypto';
import { chmod, link, readdir, unlink } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import type { Server, Socket } from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { systemCode } from '../error.js';
import { withShortPath } from './short-path.js';

/*
 * One supervisor a data folder: who holds the seat. Seats are sockets with rising numbers. The highest one counts: if it answers, its
 * holder lives; if it refuses, its holder is dead for good, because a seat appears in one step already listening (by a hard link) and is
 * never bound again. So the kernel releases the seat of a killed process, nobody can take the seat of a living one, and no process id is
 * compared. The last seat stays behind as a mark, or a slow process could take a number twice.
 */
const SEAT = /^control\.(\d+)$/;

export interface Seat {
  number: number;
  server: Server;
}

/** A connection to the supervisor of this folder, or undefined when there is none. */
export async function dial(home: string): Promise<Socket | undefined> {
  const highest = Math.max(0, ...(await seatNumbers(home)));
  return highest === 0 ? undefined : await connectTo(join(home, seatName(highest)));
}

/**
 * Takes the seat, or returns undefined when another process holds it.
 * @param admit gets each connection
 * @param prepare runs on the socket's file before anybody can see it
 */
export async function takeSeat(home: string, admit: (socket: Socket) => void, prepare: (path: string) => Promise<void>): Promise<Seat | undefined> {
  const draft = join(home, `control.draft-${randomBytes(6).toString('hex')}`);
  const server = await listenAt(draft, admit);
  try {
    await chmod(draft, 0o600);
    await prepare(draft);
    for (;;) {
      const taken = await seatNumbers(home);
      const highest = Math.max(0, ...taken);
      const holder = highest === 0 ? undefined : await connectTo(join(home, seatName(highest)));
      if (holder) {
        holder.destroy();
        server.close();
        return undefined;
      }
      if (!(await linked(draft, join(home, seatName(highest + 1))))) continue;
      for (const number of taken) await unlink(join(home, seatName(number))).catch(() => {});
      return { number: highest + 1, server };
    }
  } catch (error) {
    server.close();
    throw error;
  } finally {
    await unlink(draft).catch(() => {});
  }
}

export function seatName(number: number): string {
  return `control.${number}`;
}

async function seatNumbers(home: string): Promise<number[]> {
  return (await readdir(home)).flatMap((name) => SEAT.exec(name)?.[1] ?? []).map(Number);
}

export function listenAt(path: string, admit: (socket: Socket) => void): Promise<Server> {
  return withShortPath(path, (short) => {
    const server = createServer(admit);
    return new Promise<Server>((settle, fail) => {
      server.once('error', fail);
      server.listen(short, () => {
        server.off('error', fail);
        settle(server);
      });
    });
  });
}

async function connectTo(path: string): Promise<Socket | undefined> {
  for (;;) {
    try {
      return await withShortPath(path, connected);
    } catch (error) {
      const code = systemCode(error);
      if (code === 'ECONNREFUSED' || code === 'ENOENT') return undefined;
      if (code !== 'EAGAIN') throw error;
      await delay(5); // it lives, its queue of connections is full
    }
  }
}

function connected(path: string): Promise<Socket> {
  return new Promise((settle, fail) => {
    const socket = connect(path);
    socket.once('error', fail);
    socket.once('connect', () => {
      socket.off('error', fail);
      settle(socket);
    });
  });
}

async function linked(from: string, to: string): Promise<boolean> {
  try {
    await link(from, to);
    return true;
  } catch (error) {
    if (systemCode(error) === 'EEXIST') return false;
    throw error;
  }
}
