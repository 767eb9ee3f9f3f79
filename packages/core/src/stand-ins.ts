import type { RegisteredFunction } from '@apiary/decorators/internal';

export type Body = (this: unknown, ...args: never[]) => unknown;

/** What a test kit puts in the place of the engine's own ways; absent in production. */
export interface StandIns {
  /** Runs in the place of the method's body; not asked for a @Procedure. What it throws is thrown by the call and is no record. */
  body(fn: RegisteredFunction): Body;
  /** Whether a record that could wait in the buffer is made durable before the body of the workflow goes on. */
  isDurableAtOnce(fn: RegisteredFunction): boolean;
}
