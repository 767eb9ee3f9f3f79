import type { Operation } from '../../engine/engine.js';
import { Random } from '../../engine/random.js';
import { USERS } from './tables.js';

/** What a client of retwis can ask for. Each engine implements it. */
export interface Retwis {
  timeline(user: number): Promise<unknown>;
  post(user: number, body: string): Promise<unknown>;
  follow(user: number, other: number): Promise<unknown>;
}

/** 90 % timelines, 8 % posts, 2 % follows. */
export function retwisLoad(retwis: Retwis): Operation {
  return (draw) => {
    const random = new Random(draw);
    const share = random.below(100);
    const user = 1 + random.below(USERS);
    if (share < 90) return retwis.timeline(user);
    if (share < 98) return retwis.post(user, `what happened to ${user} at ${draw}`);
    return retwis.follow(user, 1 + random.below(USERS));
  };
}
