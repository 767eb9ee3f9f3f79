import { Apiary } from './app.js';
import type { Config } from './config.js';
import { launch, type Internals } from './launch.js';
import type { Running } from './shutdown.js';

/** `Apiary.launch` with what only tests may give: a probe, a clock. */
export async function launchWith<const P extends readonly unknown[] = []>(config: Config<P>, internals: Internals): Promise<Apiary> {
  const app = Apiary.create();
  app.running = await launch(config as Config, { type: Apiary, value: app }, internals);
  return app;
}

/** Launches anew behind an app whose executor is dead: what holds the app goes on with it. */
export async function relaunch(app: Apiary, config: Config, internals: Internals): Promise<void> {
  app.running = await launch(config, { type: Apiary, value: app }, internals);
}

/** An app in front of an executor that was made by other means. */
export function appOf(running: Running): Apiary {
  const app = Apiary.create();
  app.running = running;
  return app;
}

/** What is behind an app. */
export function runningOf(app: Apiary): Running {
  return app.running;
}
