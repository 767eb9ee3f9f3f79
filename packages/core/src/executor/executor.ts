/**
 * One executor: the life of all runs of a process under one id. It routes a call of a decorated method (router.ts), begins and ends runs
 * (lifecycle.ts), makes buffers durable (barrier.ts) and answers callers from outside (outside.ts).
 */
import type { Invoker, RegisteredFunction, Registry } from '@apiary/decorators/internal';
import { ChurnMap } from '../churn-map.js';
import type { Codec } from '../codec/codec.js';
import type { Clock } from '../clock.js';
import type { ResolvedConfig } from '../config.js';
import { asEngine, bodiesAreGuarded } from '../determinism/engine-scope.js';
import { Journal } from '../journal/journal.js';
import type { Logger } from '../log.js';
import type { Probe } from '../probe.js';
import type { Body, StandIns } from '../stand-ins.js';
import type { Lease } from '../recovery/lease.js';
import { classify, isInfrastructure } from '../store/connection/classify.js';
import type { Result, Statement } from '../store/connection/statement.js';
import type { Store } from '../store/store.js';
import { Barrier } from './barrier.js';
import { Caution } from './caution.js';
import { Fence } from './fence.js';
import { FunctionSettings } from './function-settings.js';
import type { Identity } from './identity.js';
import { Management } from '../workflows/management.js';
import { Lifecycle } from './lifecycle.js';
import { Notifications } from '../recovery/notifications.js';
import { Observer } from './observer.js';
import { Outside } from './outside.js';
import { Readers } from './readers.js';
import { invoke } from './router.js';
import { SharedFlights } from './shared-flights.js';
import type { Ticket } from './ticket.js';

export interface ExecutorOptions {
  readonly config: ResolvedConfig;
  readonly version: string;
  readonly identity: Identity;
  readonly store: Store;
  readonly codec: Codec;
  readonly clock: Clock;
  readonly log: Logger;
  readonly lease: Lease;
  readonly probe: Probe;
  readonly slowTailMs?: number | undefined;
  readonly stand?: StandIns | undefined;
}

const defaultSlowTailMs = 1;

export class Executor implements Invoker {
  readonly config: ResolvedConfig;
  readonly version: string;
  readonly identity: Identity;
  readonly store: Store;
  readonly codec: Codec;
  /** Set when the services are constructed; nothing runs before. */
  registry!: Registry;
  readonly clock: Clock;
  readonly log: Logger;
  readonly probe: Probe;
  readonly lease: Lease;
  readonly stand: StandIns | undefined;
  readonly journal: Journal;
  readonly barrier: Barrier;
  readonly readers: Readers;
  readonly sharedFlights: SharedFlights;
  readonly functions: FunctionSettings;
  readonly lifecycle: Lifecycle;
  readonly fence: Fence;
  readonly observer: Observer;
  readonly notifications: Notifications;
  readonly outside: Outside;
  readonly management: Management;
  /** By workflow id: whoever in this process runs, starts or awaits it. */
  readonly tickets = new ChurnMap<Ticket>();
  /** Statements of procedures, and whether they give rows. */
  readonly described = new Map<string, boolean>();
  readonly #slowTailMs: number;
  readonly #cautions = new Map<string, Caution>();
  readonly #names = new Map<string, string>();
  /** Steps whose user code or commit is under way. */
  active = 0;
  stopping = false;

  constructor(options: ExecutorOptions) {
    this.config = options.config;
    this.version = options.version;
    this.identity = options.identity;
    this.store = options.store;
    this.codec = options.codec;
    this.clock = options.clock;
    this.log = options.log;
    this.probe = options.probe;
    this.#slowTailMs = options.slowTailMs ?? defaultSlowTailMs;
    this.lease = options.lease;
    this.stand = options.stand;
    this.journal = new Journal(this);
    this.barrier = new Barrier(this);
    this.readers = new Readers(this);
    this.sharedFlights = new SharedFlights(this);
    this.functions = new FunctionSettings(options.config);
    this.lifecycle = new Lifecycle(this);
    this.fence = new Fence(this);
    this.observer = new Observer(this);
    this.notifications = new Notifications(this);
    this.outside = new Outside(this);
    this.management = new Management(this);
  }

  get id(): string {
    return this.identity.executorId;
  }

  get schema(): string {
    return this.config.schema;
  }

  get executorId(): string {
    return this.identity.executorId;
  }

  offsetMs(): number {
    return this.clock.offsetMs;
  }

  fenced(): void {
    this.fence.fenced();
  }

  get registering(): Promise<void> | undefined {
    return this.fence.registering;
  }

  /**
   * Sends a statement that gives rows to this executor, under the id that it has now.
   * @throws what classifies as `fenced`; then the executor registers anew
   */
  async owning<T>(name: keyof Store['sql'] & string, values: (executorId: string) => readonly unknown[]): Promise<Result<T>> {
    const { executorId } = this;
    try {
      return await this.store.owning<T>(name, values(executorId), executorId);
    } catch (error) {
      if (classify(error) === 'fenced' && executorId === this.executorId) this.fenced();
      throw error;
    }
  }

  invoke(fn: RegisteredFunction, target: object, args: readonly unknown[]): unknown {
    return bodiesAreGuarded() ? asEngine(() => invoke(this, fn, target, args)) : invoke(this, fn, target, args);
  }

  /** The instance (or the class, of a static one) on which a function runs. */
  targetOf(fn: RegisteredFunction): object {
    return fn.metadata.isStatic ? fn.service.type : (this.registry.resolve(fn.service.type) as object);
  }

  /** What a call of the function runs: its body, unless a test put something in its place. */
  bodyOf(fn: RegisteredFunction): Body {
    return this.stand === undefined ? fn.metadata.body : this.stand.body(fn);
  }

  caution(name: string): Caution {
    let caution = this.#cautions.get(name);
    if (caution === undefined) this.#cautions.set(name, (caution = new Caution(this.#slowTailMs)));
    return caution;
  }

  /** Gives a statement of stable text a name, so that it is prepared. */
  named(statement: Statement): Statement {
    let name = this.#names.get(statement.text);
    if (name === undefined) {
      if (this.#names.size >= 1000) this.#names.clear();
      this.#names.set(statement.text, (name = `apiary_p${this.#names.size}_${statement.text.length}`));
    }
    return { ...statement, name };
  }

  isInfrastructure(error: unknown): boolean {
    return isInfrastructure(error);
  }

  /** Counts a piece of work that shutdown waits for. */
  async working<T>(work: () => Promise<T>): Promise<T> {
    this.active++;
    try {
      return await work();
    } finally {
      this.active--;
    }
  }

  /** Resolves when the app's clock reaches the time. */
  sleepUntil(dueMs: number): { readonly promise: Promise<void>; cancel(): void } {
    let timer: { cancel(): void } | undefined;
    const promise = new Promise<void>((resolve) => {
      timer = this.clock.setTimer(dueMs, resolve);
    });
    return { promise, cancel: () => timer?.cancel() };
  }
}
