export interface EngineOptions {
  readonly url: string;
  /** Connections for user code. */
  readonly pool: number;
}

/**
 * One operation, called by `clients` concurrent loops.
 * @param draw a random integer of 31 bits: what to work on. All engines get the same sequence.
 */
export type Operation = (draw: number) => Promise<unknown>;

/** A framework, or hand-written code, that can run the workloads. It lives in a process of its own. */
export interface Engine {
  start(options: EngineOptions): Promise<void>;
  /** Undefined: this engine has no such workload or variant. */
  operation(workload: string, variant: string): Operation | undefined;
  stop(): Promise<void>;
}
