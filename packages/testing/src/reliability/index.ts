// Randomized runs under faults.
export { checkIndexes } from './amcheck.js';
export { check } from './check.js';
export { Cluster } from './cluster.js';
export type { Experiment } from './experiment.js';
export { experiments } from './experiments.js';
export { runOnce, type RunResult } from './run-once.js';
