import { randomBytes } from 'node:crypto';
import type { Engine } from './engine.js';

/**
 * Makes workflows those of an executor that died and was fenced: whoever polls next claims them, without a lease to wait for.
 * @returns the id of that executor
 */
export async function abandon(engine: Engine, workflowIds: readonly string[], version = 'test'): Promise<string> {
  const executorId = `gone-${randomBytes(4).toString('hex')}`;
  // In one statement: an executor without workflows is settled at once, and nobody looks at it again.
  await engine.admin.query(
    `with gone as (
      insert into apiary.executor (executor_id, lock_key, name, app_version, lease_until, fenced) values ($1, $2, 'gone', $3, now(), true))
    update apiary.workflow_status set executor_id = $1, status = 'PENDING', output = null, error = null, wake_at = null where workflow_id = any($4::text[])`,
    [executorId, randomBytes(6).readUIntBE(0, 6), version, workflowIds],
  );
  return executorId;
}
