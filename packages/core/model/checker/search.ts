/** Breadth first over all states: the first violation found has a shortest trace. */
import { fingerprint } from './fingerprint.js';
import { finishable } from './liveness.js';
import { after, movesOf, type Model } from './model.js';
import { Ints, Seen } from './seen.js';

export interface Bounds {
  readonly seconds: number;
  readonly states: number;
}

export interface Finding {
  readonly violation: string;
  readonly trace: readonly string[];
}

export interface Result {
  readonly states: number;
  readonly edges: number;
  readonly seconds: number;
  /** True if a bound ended the search before all states were seen; liveness is then unknown. */
  readonly bounded: boolean;
  readonly finding: Finding | undefined;
}

export const stuck = 'liveness: cannot finish any more, though no fault follows';

export function search<S>(model: Model<S>, bounds: Bounds): Result {
  return new Search(model, bounds).run();
}

class Search<S> {
  readonly #seen = new Seen();
  /** Of each state: from which one it was first reached, and by which of its moves. */
  readonly #parents = new Ints();
  readonly #moves = new Ints();
  /** Edges that are not faults. */
  readonly #from = new Ints();
  readonly #to = new Ints();
  readonly #finished = new Ints();
  readonly #waiting: S[] = [];
  readonly #print = { high: 0, low: 0 };
  readonly #began = performance.now();

  constructor(
    readonly model: Model<S>,
    readonly bounds: Bounds,
  ) {}

  run(): Result {
    const first = this.model.initial();
    this.model.normalize(first);
    this.#visit(first, -1, 0);
    for (let i = 0; this.#waiting.length > 0;) {
      const level = this.#waiting.splice(0);
      for (const state of level) {
        const found = this.#expand(state, i++);
        if (found !== undefined) return this.#result(false, { violation: found.violation, trace: this.#trace(found.index) });
        if ((i & 255) === 0 && this.#exhausted()) return this.#result(true, undefined);
      }
    }
    const index = finishable(this.#seen.count, this.#from, this.#to, this.#finished);
    return this.#result(false, index < 0 ? undefined : { violation: stuck, trace: this.#trace(index) });
  }

  #expand(state: S, index: number): { violation: string; index: number } | undefined {
    if (this.model.finished(state)) this.#finished.push(index);
    const moves = movesOf(this.model, state);
    for (let k = 0; k < moves.length; k++) {
      const move = moves[k] as (typeof moves)[number];
      const next = after(this.model, state, move);
      const { index: to, fresh } = this.#visit(next, index, k);
      if (!move.fault) {
        this.#from.push(index);
        this.#to.push(to);
      }
      if (!fresh) continue;
      const violation = this.model.violation(next);
      if (violation !== '') return { violation, index: to };
    }
    return undefined;
  }

  #visit(state: S, parent: number, move: number): { index: number; fresh: boolean } {
    fingerprint(state, this.#print);
    const visited = this.#seen.add(this.#print);
    if (visited.fresh) {
      this.#parents.push(parent);
      this.#moves.push(move);
      this.#waiting.push(state);
    }
    return visited;
  }

  #exhausted(): boolean {
    return this.#seen.count > this.bounds.states || performance.now() - this.#began > this.bounds.seconds * 1000;
  }

  /** The labels on the way to a state, by doing its moves again. */
  #trace(index: number): string[] {
    const way: number[] = [];
    for (let i = index; i > 0; i = this.#parents.at(i)) way.push(this.#moves.at(i));
    let state = this.model.initial();
    this.model.normalize(state);
    return way.reverse().map((k) => {
      const move = movesOf(this.model, state)[k];
      if (move === undefined) throw new Error('the moves of a state depend on more than the state');
      state = after(this.model, state, move);
      return move.label;
    });
  }

  #result(bounded: boolean, finding: Finding | undefined): Result {
    return { states: this.#seen.count, edges: this.#to.length, seconds: (performance.now() - this.#began) / 1000, bounded, finding };
  }
}
