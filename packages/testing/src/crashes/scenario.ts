import type { Apiary, Config, Token } from '@apiary/core';
import { token } from '@apiary/core';
import type { Knex } from 'knex';
import type { NumberedFlight } from './flight-numbers.js';

/** Address of the outside world of a run: what a communicator under test calls. */
export const WITNESS: Token<string> = token<string>('address of the witness');

/**
 * A piece of work that is crashed at each of its points. It is the default export of its module, so that a process of its own can load
 * it, be killed, and leave the rest to another one.
 */
export interface CrashScenario {
  readonly name: string;
  /** What its workflows are made of, for the table. */
  readonly about: string;
  readonly services: Config['services'];
  readonly config?: Omit<Partial<Config>, 'services' | 'database' | 'migrations' | 'lease' | 'poll' | 'provide' | 'version' | 'log'>;
  /** The user's tables. Before the work, not crashed. */
  readonly migrations?: (knex: Knex) => Promise<unknown>;
  /** The work, repeated as a whole until it returns, as a client would: it gives its workflows ids. What it returns is JSON. */
  readonly act: (app: Apiary) => Promise<unknown>;
  /** Where the points begin. Default 'act'; 'launch': on an empty database, with the migrations. */
  readonly from?: 'act' | 'launch';
  /** When it is killed, the opening of its connections is killed too. Default: it finds them open. */
  readonly opensConnections?: boolean;
  /** Sleeps above a second end at once, by the clock of the app. */
  readonly skipsTime?: boolean;
  /** Two flights of it may change places: traces are compared as sets. */
  readonly concurrent?: boolean;
  /** Flights that come as often as time lets them: they get no number, and are no points. */
  readonly unnumbered?: (flight: Omit<NumberedFlight, 'number'>) => boolean;
}

/** Checks the types of a scenario at its definition. */
export function crashScenario(scenario: CrashScenario): CrashScenario {
  return scenario;
}

/** The default export of a module. */
export async function loadScenario(module: URL): Promise<CrashScenario> {
  const { default: scenario } = (await import(module.href)) as { default?: CrashScenario };
  if (typeof scenario?.act !== 'function') throw new TypeError(`${module.href} has no scenario as its default export`);
  return scenario;
}

/** How fast an executor is superseded. */
export interface Rhythm {
  readonly lease: number;
  readonly poll: number;
}

export function configOf(scenario: CrashScenario, database: string, witness: string, rhythm: Rhythm): Config {
  const { services, config, from, migrations } = scenario;
  return {
    // What comes by itself after a time, or as a hint beside the work, would come earlier in one run and later in another.
    linger: '10 seconds',
    notify: false,
    ...config,
    services,
    database,
    provide: [[WITNESS, witness]],
    version: 'crash',
    name: 'crash',
    log: { level: 'silent' },
    ...rhythm,
    // Else they are in the template already.
    ...(from === 'launch' && migrations !== undefined ? { migrations } : {}),
  } as Config;
}
