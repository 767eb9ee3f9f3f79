/** The order of a launch: check, connect, migrate, register, construct, the user's migrations, recover (DESIGN 1; RELIABILITY 33). */
import { construct, inspect, setAmbientInvoker } from '@apiary/decorators/internal';
import { Clock } from './clock.js';
import { Codec } from './codec/codec.js';
import { resolveConfig, type Config, type ResolvedConfig } from './config.js';
import { context } from './context.js';
import { guardBodies } from './determinism/guard.js';
import { connectionSource, type EmbeddedHandle } from './embedded.js';
import { Executor } from './executor/executor.js';
import { newIdentity, type Identity } from './executor/identity.js';
import { register } from './executor/fence.js';
import { createLogger, type Logger } from './log.js';
import { noProbe, type Probe } from './probe.js';
import type { StandIns } from './stand-ins.js';
import { opening } from './recovery/opening.js';
import { Lease } from './recovery/lease.js';
import { Poll } from './recovery/poll.js';
import type { Running } from './shutdown.js';
import { onSignals, shutdown } from './shutdown.js';
import { Connections, type Database } from './store/connection/connections.js';
import { migrate } from './store/schema/migrate.js';
import { namesOf, type Names } from './store/schema/names.js';
import { Store } from './store/store.js';
import { migrateUser } from './user-migrations.js';
import { checkRules } from './validation.js';

/** For the test kit: what a launch takes beside the config. */
export interface Internals {
  readonly probe?: Probe;
  readonly clock?: Clock;
  /** From how many milliseconds a body's tail is slow: Infinity makes counts of flights independent of the machine's speed. */
  readonly slowTailMs?: number;
  readonly stand?: StandIns;
}

export interface AppKeyValue {
  readonly type: unknown;
  readonly value: object;
}

const defaultGraceMs = 10_000;

setAmbientInvoker(() => context.getStore()?.executor.registry.ambient);

export async function launch(given: Config, app: AppKeyValue, internals: Internals = {}): Promise<Running> {
  const config = resolveConfig(given);
  const inspection = inspect({ services: config.services, provide: config.provide, app: app as never });
  checkRules(inspection.functions.values());
  const log = createLogger(config.log, { app: config.name });
  const opened: (() => Promise<unknown>)[] = [];
  try {
    const embedded = await connectionSource(config);
    if (embedded !== undefined) opened.push(() => embedded.stop());
    const clock = internals.clock ?? new Clock();
    opened.push(async () => clock.close());
    const begun: Begun = { config, inspection, app, log, internals, embedded, clock, identity: newIdentity(), names: namesOf(config.schema), opened };
    return await connect(begun);
  } catch (error) {
    for (const close of opened.reverse()) await close().catch(() => {});
    throw error;
  }
}

interface Begun {
  readonly config: ResolvedConfig;
  readonly inspection: ReturnType<typeof inspect>;
  readonly app: AppKeyValue;
  readonly log: Logger;
  readonly internals: Internals;
  readonly embedded: EmbeddedHandle | undefined;
  readonly clock: Clock;
  readonly identity: Identity;
  readonly names: Names;
  /** What is to be closed if the launch is refused. */
  readonly opened: (() => Promise<unknown>)[];
}

/** What connections ask for that exists after them. */
interface Late {
  executor?: Executor;
  timeline?: string;
}

async function connect(begun: Begun): Promise<Running> {
  const { config, internals, opened } = begun;
  const late: Late = {};
  const connections: Connections = await Connections.open({
    database: databaseOf(config, begun.embedded),
    poolSize: config.pool.size,
    systemSize: config.pool.systemSize,
    applicationName: `apiary ${config.name}`.slice(0, 60),
    ...(internals.probe === undefined ? {} : { probe: internals.probe }),
    onOpen: onOpen(begun, late, () => connections),
  });
  opened.push(() => connections.close());
  return connections.whileLaunching(() => start(begun, connections, late));
}

async function start(begun: Begun, connections: Connections, late: Late): Promise<Running> {
  const { config, inspection, app, log, internals, embedded, clock, identity, names, opened } = begun;
  const store = new Store(connections, names);
  await connections.system((c) => migrate(c, names, config.schemaMigration));
  const version = config.version ?? inspection.version;
  const lease = new Lease(config.leaseMs);
  await register({ store, identity, config, version, lease, clock });
  const codec = new Codec({
    payload: config.limits.payload,
    payloadWarning: config.limits.payloadWarning,
    warn: (message, fields) => log.warn(message, fields),
  });
  const executor = new Executor({
    config,
    version,
    identity,
    store,
    codec,
    clock,
    log,
    lease,
    probe: internals.probe ?? noProbe,
    slowTailMs: internals.slowTailMs,
    stand: internals.stand,
  });
  late.executor = executor;
  const poll = new Poll(executor);
  const running: Running = { executor, poll, embedded, config, stopSignals: () => {}, unguard: guardBodies(config.determinism) };
  try {
    executor.registry = await construct(inspection, executor, app.value);
    await migrateUser(store, names, config.migrations);
    await poll.start();
    running.stopSignals = onSignals(config.shutdownOn, () => shutdown(running, defaultGraceMs), log);
    return running;
  } catch (error) {
    opened.length = 0;
    await shutdown(running, 0).catch(() => {});
    throw error;
  }
}

function databaseOf({ database }: ResolvedConfig, embedded: EmbeddedHandle | undefined): Database {
  switch (database.kind) {
    case 'url':
      return database.url;
    case 'knexConfig':
      return database.config;
    case 'knex':
      return database.knex;
    case 'embedded':
      return embedded?.connectionString ?? '';
  }
}

/** A changed timeline is another history: an asynchronous failover may have lost rows that living runs rest on (DESIGN 4.5). */
function onOpen({ identity, names }: Begun, late: Late, connections: () => Connections) {
  return opening({
    identity,
    names,
    locks: () => !connections().perTransactionFence,
    fenced: () => late.executor?.fenced(),
    timeline: (found) => {
      const before = (late.timeline ??= found);
      if (before === found) return;
      late.timeline = found;
      late.executor?.lifecycle.voidAll('the timeline of the database changed');
    },
  });
}
