import { randomBytes } from 'node:crypto';
import type { Engine } from './engine.js';

/**
 * Makes workflows those of an executor that died and was fenced: whoever polls next claims them, without a lease to wait for.
 * @returns the id of that executor
 */
export async function abandon(engine: Engine, workflowIds: readonly string[], version = 'test'): Promise<string> {
  const executorId = `gone-${randomBytes(4).toString('hex')}`;
  await engine.admin.query(
    `insert into apiary.executor (executor_id, lock_key, name, app_version, lease_until, fenced) values ($1, $2, 'gone', $3, now(), true)`,
    [executorId, randomBytes(6).readUIntBE(0, 6), version],
  );
  await engine.admin.query(
    `update apiary.workflow_status set executor_id = $1, status = 'PENDING', output = null, error = null, wake_at = null where workflow_id = any($2::text[])`,
    [executorId, workflowIds],
  );
  return executorId;
}
