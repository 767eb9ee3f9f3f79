// Randomized runs under faults.
export { check } from './check.js';
export { Cluster } from './cluster.js';
export { experiments, type Experiment } from './experiments.js';
export { runOnce, type RunResult } from './run-once.js';
