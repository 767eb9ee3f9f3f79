import { runningOf } from '@apiary/core/internal';
import { until } from '@apiary/testing/internal';
import type { Engine } from './engine.js';

/** The executor of the first app is fenced, as by another one, learns of it, and has registered anew. Gives its id before and after. */
export async function fence(engine: Engine): Promise<readonly [string, string]> {
  const { executor } = runningOf(engine.app);
  const before = executor.id;
  await engine.admin.query('update apiary.executor set fenced = true where executor_id = $1', [before]);
  executor.fenced();
  await until('it has registered anew', () => executor.id !== before && executor.registering === undefined);
  return [before, executor.id];
}
