import type { Started, Starter, Type, WaitOptions, WorkflowHandle } from '@apiary/core';
import { FollowingHandle } from './following-handle.js';
import type { Kit } from './kit.js';

/** What `start(...).method(...)` gives, with a handle that follows the workflow over crashes. */
class FollowingStart<R> implements Started<R> {
  readonly [Symbol.toStringTag] = 'Started';
  readonly #kit: Kit;
  readonly #started: Started<R>;

  constructor(kit: Kit, started: Started<R>) {
    this.#kit = kit;
    this.#started = started;
  }

  /** A crash before the answer is followed by the ticket, which the recovering executor settles. */
  result(options?: WaitOptions): Promise<R> {
    return this.#started.result(options);
  }

  then<A = WorkflowHandle<R>, B = never>(
    resolved?: ((handle: WorkflowHandle<R>) => A | PromiseLike<A>) | null,
    rejected?: ((reason: unknown) => B | PromiseLike<B>) | null,
  ): Promise<A | B> {
    return this.#started.then((handle) => new FollowingHandle(this.#kit, handle)).then(resolved, rejected);
  }

  catch<B = never>(rejected?: ((reason: unknown) => B | PromiseLike<B>) | null): Promise<WorkflowHandle<R> | B> {
    return this.then(undefined, rejected);
  }

  finally(done?: (() => void) | null): Promise<WorkflowHandle<R>> {
    return this.then().finally(done);
  }
}

export function followingStarter<C extends Type>(kit: Kit, starter: Starter<C>): Starter<C> {
  return new Proxy(Object.create(null) as object, {
    get(_target, method) {
      const begin: unknown = Reflect.get(starter, method);
      if (typeof begin !== 'function') return begin;
      return (...args: unknown[]) => new FollowingStart(kit, (begin as (...args: unknown[]) => Started<unknown>)(...args));
    },
  }) as Starter<C>;
}
