// The history checker.
export * from './anomaly.js';
export * from './bank.js';
export * from './check-history.js';
export type { Edge, EdgeKind } from './edges.js';
export * from './history.js';
export * from './list-append.js';
export * from './set-full.js';
