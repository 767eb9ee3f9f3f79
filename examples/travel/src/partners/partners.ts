/** Starts the partners' process, and reads their ledger when all is done. */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Entry } from './ledger.js';

export interface Partners {
  readonly address: string;
  readonly folder: string;
  entries(): Promise<Entry[]>;
  stop(): Promise<void>;
  /** Removes the ledger. */
  forget(): Promise<void>;
}

export async function startPartners(): Promise<Partners> {
  const folder = await mkdtemp(join(tmpdir(), 'apiary-travel-'));
  const file = join(folder, 'ledger.jsonl');
  const child = fork(fileURLToPath(new URL('./process.js', import.meta.url)), [file]);
  const exited = once(child, 'exit');
  const [address] = (await Promise.race([once(child, 'message'), exited.then(() => Promise.reject(new Error("the partners' process did not start")))])) as [
    string,
  ];
  return {
    address,
    folder,
    entries: async () =>
      (await readFile(file, 'utf8'))
        .split('\n')
        .filter(Boolean)
        .map((line) => JSON.parse(line) as Entry),
    stop: async () => {
      if (child.connected) child.disconnect();
      await exited;
    },
    forget: () => rm(folder, { recursive: true, force: true }),
  };
}
