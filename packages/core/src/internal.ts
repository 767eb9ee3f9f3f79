// of the decorators, for the test kit
export {
  apiaryError,
  construct,
  inspect,
  keyName,
  milliseconds,
  raise,
  setUnmanaged,
  type FunctionMetadata,
  type Key,
  type RegisteredFunction,
} from '@apiary/decorators/internal';
// the engine, for tests
export { Apiary } from './app.js';
export { appOf, launchWith, relaunch, runningOf } from './launch-with.js';
export { prepareDatabase } from './prepare-database.js';
export { plain, plainId, type Plain } from './plain.js';
export { captureStack, lineOf } from './source-line.js';
export type { Body, StandIns } from './stand-ins.js';
export { Run, type Call } from './executor/run.js';
export { runBody } from './executor/body.js';
export { Input } from './executor/input.js';
export { Lifecycle } from './executor/lifecycle.js';
export { Ticket } from './executor/ticket.js';
export { newIdentity } from './executor/identity.js';
export type { Outcome, RecordRow, StepKind } from './executor/rows.js';
export { Lease } from './recovery/lease.js';
export { reads, type StoredWorkflow } from './store/statements/read.js';
export { copied } from './store/statements/values.js';
export type { Store } from './store/store.js';
export type { Internals } from './launch.js';
export type { Probe, ProbePoints, FlightPoint, StepPoint } from './probe.js';
export { Executor } from './executor/executor.js';
export type { Running } from './shutdown.js';
export { latestVersion } from './store/schema/migrations.js';
export { namesOf, type Names } from './store/schema/names.js';

// the connection layer
export { classify, isInfrastructure, type ErrorKind } from './store/connection/classify.js';
export { Connections, type Connection, type ConnectionsOptions, type Database } from './store/connection/connections.js';
export { ConnectionLostError, driverMark, markDriverError } from './store/connection/driver-error.js';
export { isOriginal, type KnexClient } from './store/connection/knex-internals.js';
export { KnexShapes } from './store/connection/knex-shapes.js';
export type { Result, Statement } from './store/connection/statement.js';
export { UserTransaction } from './store/connection/transaction.js';
export { clientCopy, transactionControl } from './store/connection/transaction-control.js';
export { context, type Context } from './context.js';
export { compile, interpret, type Compiled } from './sql/compile.js';

// values, ids, validation, config, log, retry, time
export { Codec, type CodecOptions } from './codec/codec.js';
export { checkId, inputHash, newId } from './ids.js';
export { checkRules, instantiate, validateArguments } from './validation.js';
export { resolveConfig, type Config, type ResolvedConfig, type ResolvedDatabase } from './config.js';
export { createLogger, isLogger, withFields, type Logger, type LogOptions } from './log.js';
export { redactFields, redactText } from './redact.js';
export { backoffDelay, resolveRetry, type ResolvedRetry } from './retry.js';
export { ChurnMap } from './churn-map.js';
export { after, Clock, delay, monotonic, wallClock, type Alarm, type Timer, type TimerOptions } from './clock.js';
