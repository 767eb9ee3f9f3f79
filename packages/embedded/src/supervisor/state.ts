import { readFile } from 'node:fs/promises';
import { writePrivate } from '../home/files.js';
import { statePath } from '../home/layout.js';
import type { Wants } from '../options.js';
import type { Project } from './project.js';

/** What the server was last started with: a supervisor that takes over a running server needs it. */
export interface State {
  port: number;
  wants: Wants;
}

export async function readState({ home }: Project): Promise<State | undefined> {
  try {
    const { port, wants } = JSON.parse(await readFile(statePath(home), 'utf8')) as Partial<State>;
    return typeof port === 'number' && wants?.settings ? { port, wants } : undefined;
  } catch {
    return undefined; // absent or damaged: nothing depends on it but comfort
  }
}

export async function writeState({ home, identity }: Project, state: State): Promise<void> {
  await writePrivate(statePath(home), JSON.stringify(state), identity);
}

/** Why a server that runs with `running` is not what `wanted` asks for, or undefined when it is. */
export function conflict(running: Wants, wanted: Wants): string | undefined {
  if (wanted.durable && !running.durable) return 'without fsync (`durable: false`)';
  for (const [name, value] of Object.entries(wanted.settings)) {
    const present = running.settings[name];
    if (present !== value) return present === undefined ? `without the setting ${name}` : `with ${name} = ${present}`;
  }
  return undefined;
}
