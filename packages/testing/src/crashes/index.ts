// Crash-point enumeration: a scenario is made to fail at each of its points, recovered, and compared with the run to which nothing happened.
export { enumerateScenario, type EnumerationOptions, type PointResult, type ShapeResult } from './enumerate.js';
export { differences, type CanonicalState } from './canonical-state.js';
export { sameTrace, type NumberedFlight } from './flight-numbers.js';
export { modes, nameOf, pointsOf, type CrashMode, type CrashPoint } from './point.js';
export { failuresOf, markdownOf, summaryOf, tableOf, type Summary } from './report.js';
export { crashScenario, WITNESS, type CrashScenario } from './scenario.js';
export { shapes as crashShapes } from './shapes/index.js';
export { endOfStatement } from './socket-tap.js';
