/** Durable workflows and transactions with exactly-once effects on PostgreSQL. */
export * from '@apiary/decorators';
export { Apiary } from './app.js';
export type { Config } from './config.js';
export type { Logger } from './log.js';
// inside functions
export { db } from './sql/db.js';
export { sql } from './sql/sql.js';
export type { Sql, SqlValue, Fragment, AmbientTransaction } from './sql/types.js';
export { handleOf, idempotencyKey, log, now, random, randomUUID, signal, sleep, start, workflowId } from './executor/ambient.js';
// workflows from outside
export type {
  Listing,
  OneOrMore,
  Operations,
  Page,
  ResultOf,
  Selection,
  Started,
  Starter,
  StartOptions,
  StepInfo,
  WaitOptions,
  WorkflowFilter,
  WorkflowHandle,
  WorkflowInfo,
  WorkflowStatus,
  WorkflowSummary,
} from './workflows/types.js';
