import { apiaryError } from '@apiary/core/internal';
import type { MethodMock } from './mock.js';

/**
 * Puts a mock of a method without a decorator on the instance that the app uses; gives what takes it away.
 * @throws NOT_A_SERVICE, CONFIG if the instance has no such method
 */
export function installUndecorated(instance: unknown, mock: MethodMock): () => void {
  if (typeof instance !== 'object' || instance === null) throw apiaryError('NOT_A_SERVICE', { service: mock.service.name });
  const target = instance as Record<string, unknown>;
  if (typeof target[mock.name] !== 'function') throw apiaryError('CONFIG', { path: 'mocks', problem: `${mock.method} is no method` });
  const before = Object.getOwnPropertyDescriptor(target, mock.name);
  Object.defineProperty(target, mock.name, {
    configurable: true,
    writable: true,
    enumerable: before?.enumerable ?? false,
    value: async function (this: unknown, ...args: readonly unknown[]) {
      return mock.run(this, args, () => new Promise<never>(() => {}));
    },
  });
  return () => {
    if (before === undefined) Reflect.deleteProperty(target, mock.name);
    else Object.defineProperty(target, mock.name, before);
  };
}
