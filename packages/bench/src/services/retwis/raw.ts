import type { Operation } from '../../engine/engine.js';
import { uuid7 } from '../../engine/uuid7.js';
import type { RawSteps } from '../../engines/raw/steps.js';
import { type Retwis, retwisLoad } from './load.js';
import { FOLLOW, POST, TIMELINE } from './statements.js';

/** Retwis by hand. */
class RawRetwis implements Retwis {
  readonly #steps: RawSteps;

  constructor(steps: RawSteps) {
    this.#steps = steps;
  }

  timeline(user: number): Promise<unknown> {
    return this.#steps.read({ name: 'retwis-timeline', text: TIMELINE, values: [user] });
  }

  post(user: number, body: string): Promise<unknown> {
    return this.#write('retwis-post', POST, [user, body]);
  }

  follow(user: number, other: number): Promise<unknown> {
    return this.#write('retwis-follow', FOLLOW, [user, other]);
  }

  #write(name: string, text: string, values: unknown[]): Promise<unknown> {
    return this.#steps.transaction(uuid7(), 0, async (client) => (await client.query({ name, text, values })).rowCount);
  }
}

export const rawRetwis = (steps: RawSteps): Operation => retwisLoad(new RawRetwis(steps));
