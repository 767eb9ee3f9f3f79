/**
 * Named points of the engine at which a test may count, wait or crash. In the published core the probe does nothing; only
 * `@apiary/core/internal` can give another one. Synchronous, so that a crash at a point is a crash at that point.
 */
export interface ProbePoints {
  /** A flight is about to be written to its socket. */
  'flight:before': FlightPoint;
  /** It has been written, its answer has not arrived. */
  'flight:written': FlightPoint;
  /** Its answer has arrived, nobody has been told yet. */
  'flight:answered': FlightPoint & { readonly error?: unknown };
  /** A step's function is about to run, has returned, or its record is durable. */
  'step:before': StepPoint;
  'step:returned': StepPoint;
  'step:recorded': StepPoint;
  /** A run was found void. */
  'run:void': { readonly workflowId: string; readonly reason: string };
  /** The body of a workflow starts, at first or in a replay. */
  'run:started': { readonly workflowId: string; readonly name: string; readonly epoch: number };
  /** The body returned or threw; its outcome is durable. */
  'run:returned': { readonly workflowId: string; readonly name: string };
  'run:recorded': { readonly workflowId: string; readonly name: string };
  /** A takeover fenced an executor, got its exclusive lock, claimed from it. */
  'takeover:fenced': { readonly executorId: string };
  'takeover:locked': { readonly executorId: string };
  'takeover:claimed': { readonly executorId: string; readonly workflowIds: readonly string[] };
}
export interface FlightPoint {
  readonly connection: 'user' | 'system' | 'journal';
  readonly pid: number;
  readonly statements: readonly { readonly text: string }[];
}
export interface StepPoint {
  readonly workflowId: string;
  readonly stepId: string;
  readonly name: string;
  readonly attempt: number;
}
export type Probe = <P extends keyof ProbePoints>(point: P, detail: ProbePoints[P]) => void;
export const noProbe: Probe = () => {};
