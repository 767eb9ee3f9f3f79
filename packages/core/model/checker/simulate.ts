/** Seeded random walks, for systems with too many states to see all. */
import { after, movesOf, type Model, type Move } from './model.js';
import type { Finding } from './search.js';
import { shrink } from './shrink.js';

export interface Walks {
  readonly seed: number;
  readonly walks: number;
  readonly seconds: number;
  /** Moves with faults; then faults stop, and the walk must finish within `patience` moves. */
  readonly depth: number;
  readonly patience: number;
}

export interface Simulated {
  readonly walks: number;
  readonly steps: number;
  readonly faults: number;
  readonly seconds: number;
  /** With the seed of the walk that failed. */
  readonly finding: (Finding & { seed: number }) | undefined;
}

/** A fault is taken one time in eight, so that the work between faults gets somewhere. */
const faultRate = 0.125;

/** The model may be another one for each seed. */
export function simulate<S>(modelOf: (seed: number) => Model<S>, options: Walks): Simulated {
  const began = performance.now();
  let walks = 0;
  let steps = 0;
  let faults = 0;
  while (walks < options.walks && performance.now() - began < options.seconds * 1000) {
    const seed = options.seed + walks++;
    const model = modelOf(seed);
    const walk = wander(model, seed, options);
    steps += walk.trace.length;
    faults += walk.faults;
    if (walk.violation === '') continue;
    const trace = walk.safety ? shrink(model, walk.trace) : walk.trace;
    return { walks, steps, faults, seconds: (performance.now() - began) / 1000, finding: { violation: walk.violation, trace, seed } };
  }
  return { walks, steps, faults, seconds: (performance.now() - began) / 1000, finding: undefined };
}

interface Walk {
  readonly violation: string;
  readonly safety: boolean;
  readonly trace: string[];
  readonly faults: number;
}

function wander<S>(model: Model<S>, seed: number, { depth, patience }: Walks): Walk {
  const random = generator(seed);
  const trace: string[] = [];
  let faults = 0;
  let state = model.initial();
  model.normalize(state);
  for (let k = 0; ; k++) {
    const moves = movesOf(model, state).filter((m) => !m.fault || k < depth);
    if (model.finished(state) && (k >= depth || moves.length === 0)) return { violation: '', safety: false, trace, faults };
    if (moves.length === 0) return { violation: 'deadlock', safety: false, trace, faults };
    if (k > depth + patience) return { violation: 'no end after the faults stopped', safety: false, trace, faults };
    const move = choose(moves, random);
    if (move.fault) faults++;
    state = after(model, state, move);
    trace.push(move.label);
    const violation = model.violation(state);
    if (violation !== '') return { violation, safety: true, trace, faults };
  }
}

function choose<S>(moves: readonly Move<S>[], random: () => number): Move<S> {
  const steps = moves.filter((m) => !m.fault);
  const from = steps.length > 0 && random() > faultRate ? steps : moves;
  return from[Math.floor(random() * from.length)] as Move<S>;
}

/** mulberry32 */
function generator(seed: number): () => number {
  let a = seed | 0;
  return () => {
    a = (a + 0x6d2b79f5) | 0;
    let t = Math.imul(a ^ (a >>> 15), 1 | a);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}
