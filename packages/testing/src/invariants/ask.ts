import type { Executor } from '@apiary/core/internal';

/** One statement on a connection of the engine: what is asked about the app's connections must not use them. */
export async function ask(executor: Executor, text: string, values: readonly unknown[] = []): Promise<object[]> {
  return executor.store.untilAnswered(({ connections }) =>
    connections.system(async (connection) => [...((await connection.fly([{ text, values }], { deadlineMs: 30_000 }))[0]?.rows ?? [])]),
  );
}
