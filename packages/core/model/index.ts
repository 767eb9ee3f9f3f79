/** For the test of every commit. */
export { cleanCheck, harmlessChecks, literalChecks, mixtureCheck, plantedChecks, simulatedCheck, type Check, type Verdict } from './checks.js';
export { smallPairs } from './scenarios/selection.js';
export { numbered } from './tables.js';
