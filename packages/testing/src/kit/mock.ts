/** Mocks: what runs in the place of a method's body, and what it was called with. */
import type { AsyncMethod, Type } from '@apiary/core';
import { Behaviour, type Hang } from './behaviour.js';

export interface Mocked {
  /** `'Mailer.receipt'` */
  readonly method: string;
  /** Arguments of each call so far, attempts included. */
  readonly received: readonly (readonly unknown[])[];
}

/** Behaviours are used up in the order given, the last one stays; each run of a scenario begins anew. */
interface Behaviours<A extends readonly unknown[], R> {
  /** One result a call. */
  returns(...results: [R, ...R[]]): MockedMethod<A, R>;
  throws(error: Error, times?: number): MockedMethod<A, R>;
  /** Hangs until its time-out aborts it. */
  hangs(times?: number): MockedMethod<A, R>;
  calls(body: (...args: A) => R | Promise<R>): MockedMethod<A, R>;
}
export interface MockStart<A extends readonly unknown[], R> extends Behaviours<A, R> {
  (body: (...args: A) => R | Promise<R>): MockedMethod<A, R>;
}
export interface MockedMethod<A extends readonly unknown[], R> extends Mocked, Behaviours<A, R> {
  readonly received: readonly A[];
}
export type Mocks<S> = {
  readonly [K in keyof S as S[K] extends AsyncMethod ? K : never]: S[K] extends (...args: infer A) => Promise<infer R> ? MockStart<A, R> : never;
};

/** The mock of one method, as the kit knows it. */
export class MethodMock implements MockedMethod<readonly unknown[], unknown> {
  readonly service: Type;
  readonly name: string;
  readonly received: (readonly unknown[])[] = [];
  readonly #behaviour = new Behaviour();

  constructor(service: Type, name: string) {
    this.service = service;
    this.name = name;
  }

  get method(): string {
    return `${this.service.name}.${this.name}`;
  }

  returns(...results: readonly unknown[]): this {
    for (const result of results) this.#behaviour.add(1, () => result);
    return this;
  }

  throws(error: Error, times = 1): this {
    this.#behaviour.add(times, () => {
      throw error;
    });
    return this;
  }

  hangs(times = 1): this {
    this.#behaviour.add(times, (_self, _args, hang) => hang());
    return this;
  }

  calls(body: (...args: never[]) => unknown): this {
    this.#behaviour.add(1, (self, args) => body.apply(self, args as never[]));
    return this;
  }

  run(self: unknown, args: readonly unknown[], hang: Hang): unknown {
    this.received.push(args);
    return this.#behaviour.next(this.method)(self, args, hang);
  }

  /** As if it had never been called. */
  rewind(): void {
    this.received.length = 0;
    this.#behaviour.rewind();
  }
}

/**
 * `mock(Mailer).receipt(async (to, text) => {...})`: public async methods, typed from the class. The engine's retries, time-outs and
 * records stay; in a @Transaction the mock runs in the real transaction. A method without a decorator is replaced on the app's instance.
 */
export function mock<C extends Type>(service: C): Mocks<InstanceType<C>> & Mocks<C> {
  return new Proxy(Object.create(null) as object, {
    get: (_target, name) => (typeof name === 'string' && name !== 'then' ? start(service, name) : undefined),
  }) as Mocks<InstanceType<C>> & Mocks<C>;
}

function start(service: Type, name: string): unknown {
  const begin = (): MethodMock => new MethodMock(service, name);
  return Object.assign((body: (...args: never[]) => unknown) => begin().calls(body), {
    returns: (...results: unknown[]) => begin().returns(...results),
    throws: (error: Error, times?: number) => begin().throws(error, times),
    hangs: (times?: number) => begin().hangs(times),
    calls: (body: (...args: never[]) => unknown) => begin().calls(body),
  });
}
