import { apiaryError } from '@apiary/core/internal';
import type { TestApp, TestConfig } from '../kit/test-app.js';

export interface ScenarioConfig<P extends readonly unknown[]> extends TestConfig<P> {
  /** Before the workflow; not crashed. */
  arrange?: ((app: TestApp) => Promise<unknown>) | undefined;
  /** Repeated as a whole until it returns, as a client would: give workflows an id. */
  act: (app: TestApp) => Promise<unknown>;
  /** After recovery; throws if something is wrong. */
  assert: (app: TestApp) => Promise<unknown>;
}
declare const checked: unique symbol;
export interface Scenario {
  readonly [checked]: true;
}

/** A scenario as the kit knows it. */
export interface Definition {
  readonly config: TestConfig;
  readonly arrange: (app: TestApp) => Promise<unknown>;
  readonly act: (app: TestApp) => Promise<unknown>;
  readonly assert: (app: TestApp) => Promise<unknown>;
}

const definitions = new WeakMap<object, Definition>();

/**
 * A piece of work to be crashed at each of its points, or to be done by several executors at once. Make it the default export of a file
 * to have real processes killed (`module`).
 * @throws CONFIG if `act` or `assert` is missing
 */
export function scenario<const P extends readonly unknown[] = []>(config: ScenarioConfig<P>): Scenario {
  const { arrange = async () => {}, act, assert, ...rest } = config;
  for (const [path, given] of Object.entries({ act, assert }))
    if (typeof given !== 'function') throw apiaryError('CONFIG', { path, problem: 'is no function' });
  const made = Object.freeze({}) as Scenario;
  definitions.set(made, { config: rest as TestConfig, arrange, act, assert });
  return made;
}

/** @throws CONFIG if it was not made by `scenario` */
export function definitionOf(made: unknown): Definition {
  const found = typeof made === 'object' && made !== null ? definitions.get(made) : undefined;
  if (found === undefined) throw apiaryError('CONFIG', { path: 'scenario', problem: 'was not made by scenario({ ... })' });
  return found;
}

/**
 * The default export of a module.
 * @throws CONFIG if it is no scenario
 */
export async function definitionIn(module: URL): Promise<Definition> {
  const { default: made } = (await import(module.href)) as { default?: unknown };
  return definitionOf(made);
}
