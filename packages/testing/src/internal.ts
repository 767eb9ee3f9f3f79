/** For tests of Apiary itself; not for users. */

// throw-away databases and apps
export { asAdmin, createDatabase, testServer, withDatabase, type TestDatabase } from './engine/database.js';
export { launchApp, type LaunchedApp } from './engine/launch-app.js';
export { crash } from './engine/crash.js';
export { Meter, type Count } from './engine/meter.js';

// faults, oracles and the history checker
export * from './faults/index.js';
export * from './history/index.js';

// crash-point enumeration
export * from './crashes/index.js';

// randomized runs under faults
export * from './reliability/index.js';
// the user's scenarios
export { enumerate } from './scenario/enumerate-crashes.js';
export { explore, runSchedule, type Explored } from './interleavings/explore-interleavings.js';
export type { Decision } from './interleavings/decision.js';
export type { ScheduleResult } from './interleavings/schedule.js';
export { loadValues } from './values/index.js';
// planted bugs
export { Workspace } from './crashes/planted/workspace.js';
export { mutants } from './planted/mutants/index.js';
