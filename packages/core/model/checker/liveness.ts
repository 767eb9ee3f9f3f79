import type { Ints } from './seen.js';

/**
 * Liveness as reachability of a goal: from every state that can be reached at all, a finished one must be reachable without further
 * faults. Answers a state from which none is, or -1: the first one in which nothing at all can happen, else the first one.
 */
export function finishable(states: number, from: Ints, to: Ints, finished: Ints): number {
  const first = new Int32Array(states + 1);
  for (let e = 0; e < to.length; e++) first[to.at(e) + 1]!++;
  for (let i = 0; i < states; i++) first[i + 1]! += first[i] as number;
  const next = first.slice();
  const sources = new Int32Array(to.length);
  for (let e = 0; e < to.length; e++) sources[next[to.at(e)]!++] = from.at(e);

  const good = new Uint8Array(states);
  const open: number[] = [];
  const mark = (i: number): void => {
    if (good[i] === 1) return;
    good[i] = 1;
    open.push(i);
  };
  for (let k = 0; k < finished.length; k++) mark(finished.at(k));
  for (let i = open.pop(); i !== undefined; i = open.pop()) for (let e = first[i] as number; e < (first[i + 1] as number); e++) mark(sources[e] as number);
  const moves = new Uint8Array(states);
  for (let e = 0; e < from.length; e++) if (from.at(e) !== to.at(e)) moves[from.at(e)] = 1;
  const dead = good.findIndex((g, i) => g === 0 && moves[i] === 0);
  return dead >= 0 ? dead : good.indexOf(0);
}
