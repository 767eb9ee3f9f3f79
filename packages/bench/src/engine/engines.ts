import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { uuid7 } from './uuid7.js';
import type { Engine } from './engine.js';

/** Engines are imported one by one: no process loads another one's code. Those in `peers/` bring their own packages. */
const BUILT_IN: Readonly<Record<string, () => Promise<{ engine: Engine }>>> = {
  raw: () => import('../engines/raw/engine.js'),
  apiary: () => import('../engines/apiary/engine.js'),
  dbos: () => peer('dbos.mjs'),
  dbos5: () => peer('dbos5.mjs'),
  restate: () => peer('restate.mjs'),
};

/** What a module of somebody else's exports to take part: `--engines raw,./mine.mjs`. */
interface ForeignModule {
  start(url: string, pool: number): Promise<void>;
  run(workload: string, id: string, account: number): Promise<unknown>;
  stop(): Promise<void>;
}

const FOREIGN_WORKLOADS = ['tx1', 'order', 'steps10'];

/** @throws Error if there is no such engine, or its packages are not installed. */
export async function loadEngine(name: string): Promise<Engine> {
  const load = BUILT_IN[name];
  if (load) return (await load()).engine;
  if (!existsSync(name)) throw new Error(`unknown engine "${name}"; there are ${Object.keys(BUILT_IN).join(', ')}, or the path of a module`);
  return adapt((await import(pathToFileURL(resolve(name)).href)) as ForeignModule);
}

async function peer(file: string): Promise<{ engine: Engine }> {
  const folder = new URL('../../peers/', import.meta.url);
  if (!existsSync(new URL('node_modules', folder))) throw new Error('the peers are not installed: npm run bench:peers');
  return (await import(new URL(file, folder).href)) as { engine: Engine };
}

function adapt(module: ForeignModule): Engine {
  return {
    start: ({ url, pool }) => module.start(url, pool),
    stop: () => module.stop(),
    operation: (workload) => (FOREIGN_WORKLOADS.includes(workload) ? (draw) => module.run(workload, uuid7(), 1 + (draw % 10_000)) : undefined),
  };
}
