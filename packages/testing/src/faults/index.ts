// Faults: what breaks connections, servers and processes, and proves that it did.
export * from './backend-kill.js';
export * from './child.js';
export * from './control-group.js';
export * from './failing-sync.js';
export { childSide, type ChildSide } from './child-side.js';
export * from './free-port.js';
export * from './pooling/pooling-proxy.js';
export * from './postgres15.js';
export * from './random.js';
export * from './sigstop.js';
export * from './small-disk.js';
export * from './tcp/rule.js';
export type { RequestFlight } from './tcp/request-flight.js';
export type { RuleHandle } from './tcp/rule-handle.js';
export * from './tcp/tcp-proxy.js';
export * from './until.js';
export type { Message } from './wire/message.js';

// Oracles outside and inside the database.
export * from './append-log.js';
export * from './client-journal.js';
export * from './ledger/audit.js';
export * from './ledger/ledger.js';
export * from './ledger/ledger-invariants.js';
export * from './ledger/outside-invariants.js';
export * from './ledger/status-invariants.js';
export * from './ledger/violation.js';
export * from './witness.js';
