/** What the checker needs to know of a system: it explores every order in which enabled moves can happen. */

/** Receives the moves that are enabled in a state. The effect changes a copy of that state, never the state itself. */
export interface Moves<S> {
  /** Something the system, or time, does in the end. */
  step(label: string, effect: (state: S) => void): void;
  /** Something that may happen and need not: liveness must not rely on it. */
  fault(label: string, effect: (state: S) => void): void;
}

export interface Model<S> {
  initial(): S;
  copy(state: S): S;
  /** The same list of moves, in the same order, for equal states. */
  moves(state: S, to: Moves<S>): void;
  /** Brings a state into a canonical form, so that states that differ in nothing but order count once. */
  normalize(state: S): void;
  /** The broken invariant in words, or ''. */
  violation(state: S): string;
  /** Everything that was asked for is finished. */
  finished(state: S): boolean;
}

export interface Move<S> {
  readonly label: string;
  readonly fault: boolean;
  readonly effect: (state: S) => void;
}

/** The enabled moves as a list. */
export function movesOf<S>(model: Model<S>, state: S): Move<S>[] {
  const out: Move<S>[] = [];
  model.moves(state, {
    step: (label, effect) => out.push({ label, fault: false, effect }),
    fault: (label, effect) => out.push({ label, fault: true, effect }),
  });
  return out;
}

/** The state after a move. */
export function after<S>(model: Model<S>, state: S, move: Move<S>): S {
  const next = model.copy(state);
  move.effect(next);
  model.normalize(next);
  return next;
}
