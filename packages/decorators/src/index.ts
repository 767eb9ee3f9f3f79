/** The public surface; `@apiary/core` re-exports it. */
// decorators
export { Communicator, type CommunicatorOptions, type RetryPolicy } from './decorators/communicator.js';
export { Inject, type Lazy, type Provided } from './decorators/inject.js';
export { Procedure } from './decorators/procedure.js';
export { Serializable } from './decorators/serializable.js';
export { Service } from './decorators/service.js';
export { token, type Token } from './decorators/token.js';
export { Transaction, type Isolation, type TransactionOptions } from './decorators/transaction.js';
export { Valid } from './decorators/valid.js';
export { Workflow, type WorkflowOptions } from './decorators/workflow.js';
// vocabulary
export type { Duration } from './duration.js';
export type { Graph } from './graph/graph.js';
export type { Query, Rows } from './query.js';
export type { AsyncKeys, AsyncMethod, ConcreteType, MethodOf, Type } from './types.js';
// errors
export { ApiaryError, isApiaryError, NonRetryableError, RetryAfterError, type ErrorCatalogue, type ErrorCode, type Violation } from './errors.js';
