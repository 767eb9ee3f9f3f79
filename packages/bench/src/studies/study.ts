import { ServerMeter } from '../server/meter.js';
import { type BenchServer, openServer } from '../server/server.js';
import { createTables } from '../server/tables.js';
import { growth } from './growth.js';
import { long } from './long.js';
import { processes } from './processes.js';
import { recovery } from './recovery.js';

export interface StudyOptions {
  readonly pool: number;
  readonly engines: readonly string[];
  /** Old workflows, for the study of growth. */
  readonly sizes: readonly number[];
}

export interface StudyContext extends StudyOptions {
  readonly server: BenchServer;
  readonly meter: ServerMeter;
}

/** A question that the workloads do not answer. It prints its own table. */
export type Study = (context: StudyContext) => Promise<void>;

const STUDIES: Readonly<Record<string, Study>> = { growth, long, processes, recovery };

/** @throws Error if there is none of that name. */
export async function runStudy(name: string, { pool, engines, sizes }: StudyOptions): Promise<number> {
  const study = STUDIES[name];
  if (!study) throw new Error(`unknown study "${name}"; there are ${Object.keys(STUDIES).join(', ')}`);
  const server = await openServer();
  try {
    await createTables(server.client, []);
    await study({ server, meter: await ServerMeter.create(server.client), pool, engines, sizes });
  } finally {
    await server.close();
  }
  return 0;
}
