/** For each rule the scenarios in which breaking it must be found, tried in this order. */
import type { Rule } from '../protocol/rules.js';
import { budget, type Broken, type Budget, type Scenario } from '../protocol/scenario.js';
import type { ShapeName } from './shapes.js';

export interface Try {
  readonly shape: ShapeName;
  readonly budget: Budget;
  readonly more?: Partial<Scenario>;
  /** Rules that hide this one, broken too. */
  readonly also?: Broken;
}

const t = (shape: ShapeName, over: Partial<Budget> = {}, rest: Partial<Try> = {}): Try => ({ shape, budget: budget(over), ...rest });
const stopped = { stop: 1, lapse: 1 };

export const planted: Readonly<Record<Exclude<Rule, LiteralRule>, readonly [Try, ...Try[]]>> = {
  conflictIgnored: [t('direct W id twice')],
  recordInOwnCommit: [t('W', { crash: 1 })],
  outboxAfterCommit: [t('W starts W', { crash: 1 })],
  twoCarriers: [t('W||W')],
  secondCommitsAlone: [t('W||W')],
  commitsWithoutWaiting: [t('C,W', { crash: 1, cut: 1 })],
  waitsAfterBegin: [t('user locks')],
  rowsLost: [t('W||W', { serialization: 1 })],
  groupNotAtomic: [t('R,send')],
  groupOvertakesFlight: [t('R||W||C')],
  journalUnordered: [t('C,send')],
  ancestorsSiblings: [t('child(W)||child(W)')],
  childWithoutAncestors: [t('R,child(W)')],
  childEarly: [t('W,child(W)')],
  explicitNotLookedUp: [t('R,W id twice')],
  acknowledgedEarly: [t('R,W id started twice', { crash: 1 })],
  communicatorEarly: [t('R,C,W')],
  asynchronousOutcome: [t('W,C', { database: 1 })],
  answersEarly: [t('W,C')],
  resultLeaks: [t('W')],
  nextStepEarly: [t('W,C')],
  endsUnsettled: [t('race recorded')],
  epochNotCompared: [t('W,W', { cancel: 1, resume: 1, cut: 1 })],
  childElsewhereForgotten: [t('child(W,W)', { crash: 1, cancel: 1, cut: 1 })],
  loserContinues: [t('R,W id twice', { bump: 1 })],
  ownRowTakenForLoss: [t('R,C,W', { cut: 1 }, { also: { ownRowsNotAdopted: true } })],
  oldBackendNotAwaited: [t('W,W,W', { cut: 1, cancel: 1 }, { more: { carriers: false, atOnce: true } })],
  rereadsTooEarly: [t('child(W)||child(W)', { serialization: 1 }, { also: { voidRowsCarried: true } })],
  voidRowsCarried: [t('child(R)||child(W)', { failover: 1 })],
  voidThrows: [t('W catch W', { serialization: 1 })],
  absentTakenForLost: [t('W', { serialization: 1 })],
  ownRowsNotAdopted: [t('W,W', { crash: 1, cut: 1 })],
  wakesUnconditionally: [t('sleep,C')],
  cancelsDirectly: [t('W,W,W', { cancel: 1 })],
  cancelsUnsettled: [t('W||W', { cancel: 1 })],
  childrenResumed: [t('child(W)||child(W)', { cancel: 1, resume: 1 })],
  deadlineByLocalClock: [t('R,W with a deadline')],
  deadlineNotInWaits: [t('W,wait with a deadline')],
  forkCopiesGaps: [t('W||W and its fork', { fork: 1 })],
  forkInTwoCommits: [t('R,W and its fork', { fork: 1 })],
  failedFunctionCommits: [t('W', { userError: 1 })],
  errorNotRecorded: [t('W catch W', { userError: 1 })],
  infrastructureRecorded: [t('W||W', { serialization: 1 })],
  leaseNotCompared: [t('W,C', { lapse: 1 })],
  leaseFromAnswer: [t('C, slow renewal', { lapse: 2 })],
  renewalIgnoresFence: [t('W,C', stopped)],
  fencesTheLiving: [t('W,C')],
  fenceNotRead: [t('W,C', stopped)],
  fenceReadBeforeLock: [t('W,C', { database: 1, lapse: 1 })],
  claimsWithFence: [t('W,W', { crash: 1 })],
  exclusiveLockNotAwaited: [t('W,W', { crash: 1 })],
  fenceTakenForWait: [t('R,W pooler', stopped)],
  fenceCheckDoesNotRaise: [t('W,C pooler', stopped)],
  runsKeptUnderNewId: [t('W,C', stopped)],
  neverRegistersAgain: [t('W,W', stopped)],
  leavesScanEarly: [t('W,W', { crash: 2 })],
  claimsListedRows: [t('W,W three processes', { crash: 1 })],
  claimWithoutLock: [t('W,W three processes', { crash: 2 })],
  timelineNotRead: [t('C,W,W', { failover: 1 })],
  lostForkRunsAgain: [t('W||W and its fork', { failover: 1 })],
  attemptsTotal: [t('W,W of few recoveries', { crash: 2 })],
  attemptsForgotten: [t('poison')],
  neighboursInLane: [t('poison and a neighbour')],
  laneForgetsLostClaims: [t('poison and a neighbour', { cut: 1 })],
  releaseCounts: [t('W,W of few recoveries', { shutdown: 2 })],
};

/** Broken alone they do no harm in the model: a second rule holds. */
type LiteralRule =
  | 'updateDoesNotRaise'
  | 'parkOverCancel'
  | 'wakeKeepsEpoch'
  | 'resumesRootOnly'
  | 'cancelsTheDead'
  | 'parkedMissDeadline'
  | 'parentsCounted'
  | 'childrenNotCounted'
  | 'retentionAtOnce'
  | 'bufferOverFailover'
  | 'replayById'
  | 'givenAsAnswered';
