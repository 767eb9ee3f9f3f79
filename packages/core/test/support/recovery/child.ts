/** An executor in a process of its own. Starts what it is told to start; stands at its gates until the parent lets it go on. */
import { Apiary, type Config } from '@apiary/core';
import { runningOf } from '@apiary/core/internal';
import { childSide } from '@apiary/testing/internal';
import { Flows, WITNESS } from './flows.js';
import { gates } from './gates.js';

export interface ChildTask {
  readonly config: Partial<Pick<Config, 'database' | 'lease' | 'poll' | 'version' | 'schema' | 'notify'>>;
  readonly witness?: string;
  /** Does not stop at gates. */
  readonly free?: boolean;
}
export interface StartMessage {
  readonly method: string;
  readonly workflowId: string;
  readonly args: readonly unknown[];
}
export interface Settled {
  readonly workflowId: string;
  readonly value?: unknown;
  readonly error?: string;
}

const side = childSide();
const task = JSON.parse(process.argv[2] ?? '{}') as ChildTask;
gates.elsewhere = task.free === true ? () => Promise.resolve() : (name) => side.point(name);

const app = await Apiary.launch({
  services: [Flows],
  provide: [[WITNESS, task.witness ?? '']],
  log: { level: 'silent' },
  version: 'test',
  ...task.config,
} as Config);
side.onMessage((message) => {
  const { method, workflowId, args } = message as StartMessage;
  const starter = app.start(Flows, { workflowId }) as unknown as Record<string, (...args: readonly unknown[]) => { result(): Promise<unknown> }>;
  const settled = (outcome: Omit<Settled, 'workflowId'>): void => void side.point(`settled ${workflowId}`, { workflowId, ...outcome });
  starter[method]?.(...args)
    .result()
    .then(
      (value) => settled({ value }),
      (error: unknown) => settled({ error: (error as { code?: string }).code ?? String(error) }),
    );
});
side.ready({ executorId: runningOf(app).executor.id });
