/** Compile-time only: what decorators must take, and what they must not. The words for it are tested in ../messages. */
import {
  Communicator,
  Inject,
  Procedure,
  Serializable,
  Service,
  Transaction,
  Valid,
  Workflow,
  token,
  type Lazy,
  type Provided,
  type Type,
} from '@apiary/decorators';
import { sql } from '../support/sql.js';

const KEY = token<string>('key');
interface Clock {
  today(): string;
}
const CLOCK = token<Clock>('clock');
class Line {
  sku = '';
}
abstract class Gateway {
  abstract pay(cents: number): Promise<string>;
}

@Service({ name: 'Orders' })
export class Taken {
  constructor(
    readonly gateway: Gateway,
    @Inject(() => Gateway) readonly same: Lazy<Gateway>,
    @Inject(KEY) readonly key: string,
    @Inject(KEY) readonly wider: string | undefined,
    @Inject(CLOCK) readonly clock: Clock,
  ) {}
  @Workflow() async none(): Promise<void> {}
  @Workflow({ name: 'x', deadline: '3 days', maxRecoveries: 3 }) async inferred(_a: string, _b?: number) {
    return new Date();
  }
  @Workflow({ name: undefined, deadline: undefined }) async undefinedIsAbsent(): Promise<void> {}
  @Workflow() notAsync(): Promise<number> {
    return Promise.resolve(1);
  }
  @Workflow() async rest(..._words: string[]): Promise<Map<string, Set<bigint>>> {
    return new Map();
  }
  // oxlint-disable-next-line no-explicit-any -- users do
  @Workflow() async loose(_anything: any, _unknown: unknown): Promise<any> {
    return undefined;
  }
  @Workflow() async never(): Promise<never> {
    throw new Error('no');
  }
  @Workflow() async generic<T extends { id: string }>(row: T): Promise<T> {
    return row;
  }
  async overloaded(a: number): Promise<number>;
  async overloaded(a: string): Promise<string>;
  @Workflow() async overloaded(a: never): Promise<never> {
    return a;
  }
  @Transaction({ isolation: 'repeatable read', readOnly: true, timeout: 500 }) protected async guarded(_at: Date): Promise<Uint8Array> {
    return new Uint8Array();
  }
  @Transaction() static async kin(_a: boolean): Promise<bigint> {
    return 1n;
  }
  @Communicator({ retry: { maxAttempts: Infinity, retryIf: async (error, attempt) => attempt < 3 && error instanceof RangeError }, timeout: '10 seconds' })
  async call(_line: Line): Promise<{ at: Date }> {
    return { at: new Date() };
  }
  @Procedure({ isolation: 'serializable', readOnly: true }) rows(id: string) {
    return sql<{ n: number; tags: string[]; more: { deep: null } }>`select ${id}`;
  }
  @Procedure() one(id: string) {
    return sql<{ n: number }>`select ${id}`.one();
  }
  @Procedure() untyped(id: string) {
    return sql`select ${id}`;
  }
  @Procedure() batch(id: string) {
    return sql.batch(sql<{ at: Date }>`select now() as at`, sql`delete from a where id = ${id}`.count());
  }
  @Workflow() async valid(
    @Valid(() => Line) _lines: Line[],
    @Valid(() => Line) _line: Line | null,
    @Valid(() => Line) _more?: readonly Line[],
  ): Promise<void> {}
}

// The type parameter of a class must not defer the check.
export abstract class Repository<T extends { id: string }, K> {
  @Transaction() async save(row: T, _key: K): Promise<T> {
    return row;
  }
  @Transaction() async find(_id: string): Promise<T | undefined> {
    return undefined;
  }
}
@Service()
export class Users extends Repository<{ id: string }, number> {
  @Transaction() override async save(row: { id: string }): Promise<{ id: string }> {
    return row;
  }
}

@Serializable('money', { encode: (m: Money) => m.cents, decode: (cents: number) => new Money(cents) })
export class Money {
  constructor(readonly cents: number) {}
}
@Serializable('OutOfStock')
export class OutOfStock extends Error {
  constructor(readonly sku: string) {
    super(sku);
  }
}

export class Refused {
  // @ts-expect-error decorated properties are not methods
  @Workflow() arrow = async () => 1;
  // @ts-expect-error nor are getters
  @Workflow() get getter() {
    return 1;
  }
  // @ts-expect-error histories need a name
  @Workflow() async [Symbol.iterator](): Promise<void> {}
  // @ts-expect-error a decorator factory is called
  @Transaction async uncalled(): Promise<void> {}
  // @ts-expect-error unknown isolation
  @Transaction({ isolation: 'snapshot' }) async isolation(): Promise<void> {}
  // @ts-expect-error no such option
  @Communicator({ retries: 3 }) async option(): Promise<void> {}
  // @ts-expect-error no such unit
  @Communicator({ timeout: '3 fortnights' }) async unit(): Promise<void> {}
  // @ts-expect-error a procedure has no time-out of its own
  @Procedure({ timeout: 5 }) procedureTimeout() {
    return sql`select 1`;
  }
  // @ts-expect-error comes with the primitives
  @Workflow({ queue: 'mail' }) async queued(): Promise<void> {}
  // @ts-expect-error comes with the primitives
  @Workflow({ key: (n: number) => String(n) }) async keyed(tenant: string): Promise<string> {
    return tenant;
  }
  // @ts-expect-error comes with the primitives
  @Communicator({ undo: 'missing' }) async undone(): Promise<void> {}
  // @ts-expect-error comes with the primitives
  @Communicator({ verify: 'plain' }) async verified(): Promise<void> {}
  // @ts-expect-error constructor parameters only
  async method(@Inject(KEY) c: string): Promise<string> {
    return c;
  }
  // @ts-expect-error a class, not a function that gives one
  @Workflow() async valid(@Valid(Line) lines: Line[]): Promise<number> {
    return lines.length;
  }
}
export class RefusedGeneric<T> {
  // @ts-expect-error a callback stays one, whatever T is
  @Transaction() async save(row: T, done: (row: T) => void): Promise<T> {
    done(row);
    return row;
  }
}

// @ts-expect-error the codec must give back what it took
@Serializable('money', { encode: (m: Wrong) => m.cents, decode: (cents: string) => new Wrong(Number(cents)) })
export class Wrong {
  constructor(readonly cents: number) {}
}

declare function launch<const P extends readonly unknown[] = []>(provide: Provided<P>): void;
export function provided(clock: Clock, gateway: Gateway, key: Type<Line>): void {
  launch([]);
  launch([
    [KEY, 'x'],
    [CLOCK, clock],
    [Gateway, gateway],
    [key, new Line()],
  ]);
  // @ts-expect-error the value does not fit its token
  launch([[KEY, 42]]);
  // @ts-expect-error nor its class
  launch([[Gateway, clock]]);
}
