// Randomized runs under faults.
export { check } from './check.js';
export { Cluster } from './cluster.js';
export type { Experiment } from './experiment.js';
export { experiments } from './experiments.js';
export { runOnce, type RunResult } from './run-once.js';
