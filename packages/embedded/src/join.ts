import { spawn } from 'node:child_process';
import type { Socket } from 'node:net';
import { fileURLToPath } from 'node:url';
import { dial } from './control/seat.js';
import { Wire } from './control/wire.js';
import type { ClientMessage, ServerAddress, SupervisorMessage } from './control/wire.js';
import { EmbeddedError, restoreError } from './error.js';
import { logTail, openLog } from './log.js';
import type { Wants } from './options.js';

export interface Session {
  wire: Wire<SupervisorMessage, ClientMessage>;
  address: ServerAddress;
}

export interface Place {
  home: string;
  dataDirectory: string;
}

const SUPERVISOR = fileURLToPath(new URL('./supervisor/main.js', import.meta.url));
const ANSWER_MS = 180_000;
const MOST_ATTEMPTS = 50;
const MOST_DEATHS = 3;
const INHERITED = ['PATH', 'HOME', 'TMPDIR', 'XDG_DATA_HOME', 'NODE_V8_COVERAGE'];

/**
 * Becomes a client of the server of a data folder, which a supervisor starts when it does not run. The sockets of this function never keep
 * the process alive, so a caller that must wait holds it by other means.
 * @throws EmbeddedError
 */
export async function join(place: Place, wants: Wants): Promise<Session> {
  let deaths = 0;
  for (let attempt = 0; attempt < MOST_ATTEMPTS && deaths < MOST_DEATHS; attempt++) {
    const present = await dial(place.home);
    const wire = new Wire<SupervisorMessage, ClientMessage>(present ?? (await startSupervisor(place)));
    wire.unref();
    wire.send({ type: 'join', wants });
    const answer = await answerOf(wire, place);
    if (answer?.type === 'ready') return { wire, address: answer.address };
    wire.destroy();
    if (answer?.type === 'failed') throw restoreError(answer.error);
    if (!present && answer === undefined) deaths++;
    // Lost: another process was faster. Closed or stopped: it was about to end. Look again.
  }
  const problem = 'the process that runs the embedded PostgreSQL ended before it answered';
  throw new EmbeddedError('EMBEDDED_START', `${problem}: see the log for the cause`, { dataDirectory: place.dataDirectory, log: await logTail(place.home) });
}

async function startSupervisor({ home, dataDirectory }: Place): Promise<Socket> {
  const log = await openLog(home);
  try {
    // Detached: signals of the terminal and of the client's group are not for it. A clean environment: no PG* variable and no NODE_OPTIONS.
    const env = Object.fromEntries(INHERITED.flatMap((name) => (process.env[name] === undefined ? [] : [[name, process.env[name]]])));
    const child = spawn(process.execPath, [SUPERVISOR, home, dataDirectory], { cwd: '/', env, detached: true, stdio: ['ignore', log.fd, log.fd, 'pipe'] });
    await new Promise<void>((settle, fail) => {
      child.once('spawn', settle);
      child.once('error', fail);
    });
    child.unref();
    return child.stdio[3] as Socket;
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    const problem = `the process that runs the embedded PostgreSQL could not be started (${reason})`;
    throw new EmbeddedError('EMBEDDED_START', `${problem}: check the limits on processes, or set DATABASE_URL`, { dataDirectory }, { cause });
  } finally {
    await log.close();
  }
}

async function answerOf(wire: Session['wire'], { home, dataDirectory }: Place): Promise<SupervisorMessage | undefined> {
  let timer: NodeJS.Timeout | undefined;
  const silence = new Promise<never>((_, fail) => {
    timer = setTimeout(() => {
      wire.destroy();
      const problem = `the process that runs the embedded PostgreSQL has not answered for ${ANSWER_MS / 1000} seconds`;
      fail(new EmbeddedError('EMBEDDED_START', `${problem}: end it (its command line contains ${SUPERVISOR} ${home}) and try again`, { dataDirectory }));
    }, ANSWER_MS).unref();
  });
  try {
    return await Promise.race([wire.next(), silence]);
  } finally {
    clearTimeout(timer);
  }
}
