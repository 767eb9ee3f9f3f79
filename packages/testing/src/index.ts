/** Apps on throw-away databases, mocks, time and crashes. Works in any runner. */
import type {} from '@apiary/core';

declare module '@apiary/core' {
  interface ErrorCatalogue {
    /** [500] A communicator without mock where `unmocked` is 'refuse'. */
    UNMOCKED: { method: string };
  }
}

export { createTestApp, type TestApp, type TestConfig } from './kit/test-app.js';
export type { TestClock } from './kit/test-clock.js';
export { mock, type Mocked, type MockedMethod, type Mocks, type MockStart } from './kit/mock.js';
export { unmanaged } from './kit/unmanaged.js';

export { exportHistory } from './replay/history-file.js';
export { replayCheck, type ReplayCheckOptions } from './replay/replay-check.js';
export type { ReplayProblem } from './replay/judge.js';
export { checkInvariants } from './invariants/check-invariants.js';
export { scenario, type Scenario, type ScenarioConfig } from './scenario/scenario.js';
export { enumerateCrashes } from './scenario/enumerate-crashes.js';
export type { CrashReport } from './scenario/crash-report.js';
export { exploreInterleavings } from './interleavings/explore-interleavings.js';
