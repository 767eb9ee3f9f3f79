import { setTimeout as delay } from 'node:timers/promises';
import type pg from 'pg';
import { EngineProcess } from '../coordinator/engine-process.js';
import { copyRows } from './copies.js';
import type { Study, StudyContext } from './study.js';

const PENDING = 50_000;
const POLL_MS = 20;

/**
 * A process dies with 50 000 workflows that lack only their outcome; one and two others recover them. The time counts from the first claim, since before it they
 * wait for the lease to run out, and is compared with as many fresh runs of tx1.
 */
export const recovery: Study = async (context) => {
  const fresh = await freshSpeed(context);
  console.log(`fresh tx1, 16 clients: ${fresh.toFixed(0)} op/s`);
  for (const executors of [1, 2]) {
    const speed = await recover(context, executors);
    console.log(`recovery by ${executors}: ${speed.toFixed(0)} workflows/s, ${(speed / fresh).toFixed(2)} of fresh`);
  }
};

async function freshSpeed({ server, pool }: StudyContext): Promise<number> {
  const executor = await EngineProcess.start('apiary', server.url, pool);
  await executor.run('tx1', '', { clients: 16, seconds: 1, seed: 0 }, false);
  const { operations, seconds } = await executor.run('tx1', '', { clients: 16, seconds: 3, seed: 1 }, false);
  await executor.stop();
  return operations / seconds;
}

/** Workflows a second. */
async function recover({ server, pool }: StudyContext, executors: number): Promise<number> {
  const { client } = server;
  await client.query('truncate apiary.workflow_status, apiary.function_record');
  const victim = await EngineProcess.start('apiary', server.url, pool);
  await victim.run('tx1', '', { clients: 1, operations: 1, seed: 0 }, false);
  await victim.kill();
  const { rows } = await client.query<{ id: string; executor: string }>('select workflow_id as id, executor_id as executor from apiary.workflow_status');
  const [dead] = rows;
  if (!dead) throw new Error('the process that died left no workflow');
  const changes = { workflow_id: "'lost-' || i" };
  await copyRows(client, ['apiary', 'workflow_status'], dead.id, [1, PENDING], { ...changes, status: "'PENDING'", output: 'null', records: 'null' });
  await copyRows(client, ['apiary', 'function_record'], dead.id, [1, PENDING], changes, 'function_status');
  await client.query('vacuum analyze');
  const running: EngineProcess[] = [];
  try {
    for (let i = 0; i < executors; i++) running.push(await EngineProcess.start('apiary', server.url, pool));
    return await timeUntilDone(client, dead.executor);
  } finally {
    await Promise.all(running.map((executor) => executor.stop()));
  }
}

async function timeUntilDone(client: pg.ClientBase, dead: string): Promise<number> {
  const left = async (condition: string, values: unknown[]): Promise<boolean> => {
    const { rows } = await client.query<{ found: boolean }>(
      `select exists (select from apiary.workflow_status where status = 'PENDING' and ${condition}) as found`,
      values,
    );
    return rows[0]?.found === true;
  };
  while (!(await left('executor_id <> $1', [dead]))) await delay(POLL_MS);
  const begin = performance.now();
  while (await left('true', [])) await delay(POLL_MS);
  const seconds = (performance.now() - begin) / 1000;
  const { rows } = await client.query<{ count: string }>("select count(*) from apiary.workflow_status where status = 'SUCCESS' and workflow_id like 'lost-%'");
  if (Number(rows[0]?.count) !== PENDING) throw new Error(`${rows[0]?.count} of ${PENDING} workflows were recovered`);
  return PENDING / seconds;
}
