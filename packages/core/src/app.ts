import type { Duration, Registry, Token, Type } from '@apiary/decorators/internal';
import { milliseconds, raise } from '@apiary/decorators/internal';
import type { Knex } from 'knex';
import { context } from './context.js';
import type { Config } from './config.js';
import type { Executor } from './executor/executor.js';
import { starterOf } from './executor/starter.js';
import { checkId } from './ids.js';
import type { Graph } from '@apiary/decorators';
import { launch } from './launch.js';
import { shutdown, type Running } from './shutdown.js';
import { Handle } from './workflows/handle.js';
import { listing } from './workflows/listing.js';
import type { Listing, Operations, Selection, Starter, StartOptions, WorkflowFilter, WorkflowHandle, WorkflowSummary } from './workflows/types.js';

const defaultGraceMs = 10_000;

/** One executor: services, connections, recovery. Services may take it as a constructor parameter. */
export class Apiary implements Operations, AsyncDisposable {
  /** @internal */
  running!: Running;
  #shutdown: Promise<void> | undefined;

  private constructor() {}

  /**
   * Connects, migrates, constructs the services, runs `migrations`, then recovers. Every problem of set-up is thrown here, none later.
   * @throws CONFIG, DEPENDENCY, REGISTRATION, DATABASE_UNREACHABLE, DATABASE_VERSION, or what `migrations` throws
   */
  static async launch<const P extends readonly unknown[] = []>(config: Config<P>): Promise<Apiary> {
    const app = new Apiary();
    app.running = await launch(config as Config, { type: Apiary, value: app });
    return app;
  }

  /** @internal For the other packages: an app that `launch` fills. */
  static create(): Apiary {
    return new Apiary();
  }

  get #executor(): Executor {
    return this.running?.executor ?? raise('NOT_LAUNCHED', { method: 'Apiary' }, { message: 'the app is used before its launch has ended' });
  }

  start<C extends Type>(service: C, options?: StartOptions): Starter<C> {
    return starterOf(this.#executor, service, options);
  }

  handle<R = unknown>(workflowId: string): WorkflowHandle<R> {
    checkId(workflowId);
    return new Handle<R>(this.#executor, workflowId);
  }

  list(filter?: WorkflowFilter): Listing<WorkflowSummary> {
    this.#refuseInFunctions('app.list()', 'call it in a @Communicator, whose result is recorded');
    return listing(this.#executor, filter);
  }

  async cancel(which: Selection): Promise<number> {
    this.#refuseInFunctions('app.cancel()', 'use handleOf(id).cancel(), which is recorded, or call it in a @Communicator');
    return this.#executor.management.cancelAll(which);
  }

  async resume(which: Selection): Promise<number> {
    this.#refuseInFunctions('app.resume()', 'use handleOf(id).resume(), which is recorded, or call it in a @Communicator');
    return this.#executor.management.resumeAll(which);
  }

  /** The instance whose decorated methods run durably; a direct call returns the result. Not a service of this app: NOT_A_SERVICE. */
  get<S>(service: Type<S> | Token<S>): S {
    const found = service === undefined || service === null ? undefined : (this.#executor.registry as Registry).resolve(service as Type<S>);
    return found === undefined ? raise('NOT_A_SERVICE', { service: service?.name ?? String(service) }) : (found as S);
  }

  /** The pool of user code: for migrations, reports and tests. Use `db` in functions; in a workflow body or @Transaction it throws. */
  get knex(): Knex {
    this.#refuseInFunctions('app.knex', 'its statements would be outside the transaction and unrecorded; use db in a @Transaction');
    return this.#executor.store.connections.knex;
  }

  /** What a replay would do again, or see otherwise. */
  #refuseInFunctions(callee: string, remedy: string): void {
    const scope = context.getStore();
    if (scope === undefined || scope.kind === 'communicator') return;
    const caller = scope.kind === 'workflow' ? scope.run.fn.name : scope.step.fn.name;
    raise('FORBIDDEN_CALL', { caller, callee }, { message: `${callee} may not be used in ${caller}: ${remedy}` });
  }

  graph(): Graph {
    return this.#executor.registry.graph;
  }

  /**
   * Stops claiming, lets steps end for `grace` (default 10 seconds), then aborts them; running workflows are given back to others. A
   * database that does not answer delays it, by some seconds: what could not be recorded is done again by another executor.
   */
  async shutdown(options: { grace?: Duration | undefined } = {}): Promise<void> {
    const graceMs = options.grace === undefined ? defaultGraceMs : milliseconds(options.grace, 'shutdown.grace');
    await (this.#shutdown ??= shutdown(this.running, graceMs));
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.shutdown();
  }
}
