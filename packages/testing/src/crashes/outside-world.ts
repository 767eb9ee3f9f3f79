import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { namesOf } from '@apiary/core/internal';
import pg from 'pg';
import { until } from '../faults/until.js';
import { Witness, type WitnessAnswer } from '../faults/witness.js';
import type { CrashScenario } from './scenario.js';

/** Longer than what goes on beside it. */
const slowMs = 200;

/** What a run did outside the database. Communicators may be repeated by a crash, under the same key, but never once their record is durable. */
export class OutsideWorld {
  readonly url: string;
  readonly #witness: Witness;
  readonly #folder: string;
  readonly #late: { readonly at: number; readonly what: string }[];
  /** When the victim stood still, if it was stopped: a call that was under way then may arrive when it goes on, and is beyond any fence. */
  stoppedAt = 0;

  private constructor(witness: Witness, folder: string, late: { at: number; what: string }[]) {
    this.url = witness.url;
    this.#witness = witness;
    this.#folder = folder;
    this.#late = late;
  }

  /** Calls named `slow ...` take their time. */
  static async open(scenario: CrashScenario, database: string): Promise<OutsideWorld> {
    const folder = await mkdtemp(join(tmpdir(), 'apiary-crash-'));
    const late: { at: number; what: string }[] = [];
    const witness = await Witness.start({
      file: join(folder, 'witness'),
      answer: async ({ key, name, number, at = 0 }): Promise<WitnessAnswer> => {
        // The process that called is alive and waits: what is recorded now was recorded before the call.
        const looked =
          number === 1
            ? 'no'
            : await until('the database tells whether a call is recorded', () => isRecorded(database, scenario.config?.schema ?? 'apiary', key));
        if (looked === 'yes') late.push({ at, what: `${name} (${key}) was called again after its record` });
        if (name.startsWith('slow')) await new Promise((resolve) => setTimeout(resolve, slowMs));
        return 'accept';
      },
    });
    return new OutsideWorld(witness, folder, late);
  }

  /** Who was called with which key and for what, however often. */
  get calls(): readonly string[] {
    return [...new Set(this.#witness.records.map(({ name, key, detail }) => `${name} ${key} ${JSON.stringify(detail)}`))].sort();
  }

  /** @param faults so often a call may be repeated */
  violations(faults: number): readonly string[] {
    const byKey = [...this.#witness.byKey()];
    const often = byKey.filter(([, calls]) => calls.length > 1 + faults);
    const changed = byKey.filter(([, calls]) => new Set(calls.map(({ detail }) => JSON.stringify(detail))).size > 1);
    return [
      ...this.#late.filter(({ at }) => at > this.stoppedAt).map(({ what }) => what),
      ...changed.map(([key, calls]) => `${calls[0]?.name ?? ''} (${key}) was called for another thing the next time`),
      ...often.map(([key, calls]) => `${calls[0]?.name ?? ''} (${key}) was called ${calls.length} times, with ${faults} fault`),
    ];
  }

  async close(): Promise<void> {
    await this.#witness.stop();
    await rm(this.#folder, { recursive: true, force: true });
  }
}

/** A step's record, or the outcome of a direct call. */
async function isRecorded(database: string, schema: string, key: string): Promise<'yes' | 'no'> {
  const names = namesOf(schema);
  const client = new pg.Client({ connectionString: database });
  client.on('error', () => undefined);
  await client.connect();
  try {
    const { rowCount } = await client.query(
      `select from ${names.history} where workflow_id || '-' || step_id = $1
       union all select from ${names.workflow} where kind = 'communicator' and status <> 'PENDING' and workflow_id || '-0' = $1`,
      [key],
    );
    return (rowCount ?? 0) > 0 ? 'yes' : 'no';
  } finally {
    await client.end();
  }
}
