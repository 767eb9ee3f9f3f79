import type { Apiary } from '@apiary/core';
import { runningOf } from '@apiary/core/internal';

type Executor = ReturnType<typeof runningOf>['executor'];

/** Every function of the app is without caution again, as after a while in production: its flights wait for the body. */
export function resetCautions(app: Apiary): void {
  const { executor } = runningOf(app);
  const Caution = executor.caution('any').constructor as new (slowMs: number) => ReturnType<Executor['caution']>;
  const fresh = new Map<string, ReturnType<Executor['caution']>>();
  executor.caution = (name) => {
    const caution = fresh.get(name) ?? new Caution(Infinity);
    fresh.set(name, caution);
    return caution;
  };
}
