/** Options of functions, resolved once against the app's defaults. */
import { milliseconds, raise, type Duration, type Isolation, type RegisteredFunction } from '@apiary/decorators/internal';
import type { ResolvedConfig } from '../config.js';
import { beginStatement, type TransactionSettings } from './steps/attempt.js';
import { communicatorSettings, type CommunicatorSettings } from './steps/communicator.js';

const defaultTimeoutMs = 30_000;
const defaultMaxRecoveries = 20;

/** What a start may say, checked. */
export interface StartSettings {
  readonly workflowId: string | undefined;
  readonly deadline: Duration | Date | null | undefined;
}

export class FunctionSettings {
  readonly #config: ResolvedConfig;
  readonly #transactions = new Map<RegisteredFunction, TransactionSettings>();
  readonly #communicators = new Map<RegisteredFunction, CommunicatorSettings>();

  constructor(config: ResolvedConfig) {
    this.#config = config;
  }

  /** Of a @Transaction or @Procedure. */
  transaction(fn: RegisteredFunction): TransactionSettings {
    let settings = this.#transactions.get(fn);
    if (settings === undefined) {
      const options = fn.metadata.options as { isolation?: Isolation; readOnly?: boolean; timeout?: Duration };
      const isolation = options.isolation ?? this.#config.isolation;
      const readOnly = options.readOnly ?? false;
      // A @Procedure records in its own transaction, so that one is never READ ONLY on the server.
      const begin = beginStatement(isolation, readOnly && fn.kind === 'transaction');
      const timeoutMs = options.timeout === undefined ? defaultTimeoutMs : milliseconds(options.timeout, `${fn.name}.timeout`);
      this.#transactions.set(fn, (settings = { isolation, readOnly, timeoutMs, begin }));
    }
    return settings;
  }

  communicator(fn: RegisteredFunction): CommunicatorSettings {
    let settings = this.#communicators.get(fn);
    if (settings === undefined) this.#communicators.set(fn, (settings = communicatorSettings(fn, this.#config.retry)));
    return settings;
  }

  maxRecoveries(fn: RegisteredFunction): number {
    return (fn.metadata.options as { maxRecoveries?: number }).maxRecoveries ?? defaultMaxRecoveries;
  }

  /** @throws CONFIG */
  checkDeadline(given: Duration | Date | null | undefined): void {
    if (given === null || given === undefined) return;
    if (!(given instanceof Date)) milliseconds(given, 'start.deadline');
    else if (Number.isNaN(given.getTime())) raise('CONFIG', { path: 'start.deadline', problem: 'the date is invalid' });
  }

  /** Absolute, in milliseconds since the epoch: of the start, else of the function, else the parent's. */
  deadline(fn: RegisteredFunction, given: Duration | Date | null | undefined, inherited: number | null, now: number): number | null {
    if (given === null) return null;
    if (given instanceof Date) {
      if (Number.isNaN(given.getTime())) raise('CONFIG', { path: 'deadline', problem: 'the date is invalid' });
      return given.getTime();
    }
    if (given !== undefined) return now + milliseconds(given, 'deadline');
    const own = (fn.metadata.options as { deadline?: Duration }).deadline;
    return own === undefined ? inherited : now + milliseconds(own, `${fn.name}.deadline`);
  }
}
