import { apiaryError, plain, setUnmanaged, type FunctionMetadata, type Plain } from '@apiary/core/internal';
import type { Knex } from 'knex';

/** What services hold beside each other may be large: clients, pools. */
const deepest = 4;
const instances = new WeakMap<object, Plain>();

/**
 * The methods of a plain instance, and of all it calls, run as ordinary code: no app, no database, `sleep` returns at once.
 * @param options.knex for `db` and `sql`; without it they are NO_TRANSACTION
 */
export function unmanaged<S extends object>(instance: S, options: { knex?: Knex | undefined } = {}): S {
  setUnmanaged(call);
  mark(instance, { knex: options.knex });
  return instance;
}

/** With all the instances that it holds: an undecorated method of it may call them. */
function mark(value: unknown, scope: Plain, depth = 0): void {
  if (depth > deepest || typeof value !== 'object' || value === null || instances.get(value) === scope) return;
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype === Object.prototype || prototype === null) return;
  instances.set(value, scope);
  for (const descriptor of Object.values(Object.getOwnPropertyDescriptors(value))) if ('value' in descriptor) mark(descriptor.value, scope, depth + 1);
}

async function call({ method, body }: FunctionMetadata, target: unknown, args: readonly unknown[]): Promise<unknown> {
  const scope = (typeof target === 'object' && target !== null ? instances.get(target) : undefined) ?? plain.getStore();
  if (scope === undefined) throw apiaryError('NOT_LAUNCHED', { method: `${nameOf(target)}.${method}` });
  return plain.run(scope, async () => {
    const result: unknown = body.apply(target, args as never[]);
    return await (result as PromiseLike<unknown>);
  });
}

function nameOf(target: unknown): string {
  if (typeof target === 'function') return target.name;
  return (target as { constructor?: { name?: string } } | undefined)?.constructor?.name ?? 'unknown';
}
