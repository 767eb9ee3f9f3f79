import { after, movesOf, type Model } from './model.js';

/** Leaves out what a trace does not need to reach a violation: first large pieces, then single moves. */
export function shrink<S>(model: Model<S>, trace: readonly string[]): string[] {
  let best = replay(model, trace) ?? [...trace];
  for (let piece = best.length >> 1; piece >= 1; piece >>= 1)
    for (let at = 0; at < best.length;) {
      const shorter = replay(model, [...best.slice(0, at), ...best.slice(at + piece)]);
      if (shorter === undefined) at += piece;
      else best = shorter;
    }
  return best;
}

/** Does the moves of these labels, leaving out those that are not enabled. Answers the moves up to a violation, or undefined. */
function replay<S>(model: Model<S>, labels: readonly string[]): string[] | undefined {
  const done: string[] = [];
  let state = model.initial();
  model.normalize(state);
  for (const label of labels) {
    const move = movesOf(model, state).find((m) => m.label === label);
    if (move === undefined) continue;
    state = after(model, state, move);
    done.push(label);
    if (model.violation(state) !== '') return done;
  }
  return undefined;
}
