import type { SeededRandom } from '../random.js';
import type { Hit, LinkInfo, Rule } from './rule.js';

/** A rule at work: how often it was applied, how often its fault really hit, and the way to end it. */
export class RuleHandle {
  readonly rule: Rule;
  /** The first hit; waits for it. */
  readonly hit: Promise<Hit>;
  readonly #hits: Hit[] = [];
  readonly #gates = new Set<() => void>();
  readonly #onHit: (rule: Rule) => void;
  #resolve: (hit: Hit) => void = () => undefined;
  #seen = 0;
  #applied = 0;
  #removed = false;
  #released = false;

  /** @internal */
  constructor(rule: Rule, onHit: (rule: Rule) => void) {
    this.rule = rule;
    this.#onHit = onHit;
    this.hit = new Promise((resolve) => (this.#resolve = resolve));
  }

  get hits(): readonly Hit[] {
    return this.#hits;
  }

  /** Lets go all that the rule holds back, and holds nothing more. */
  release(): void {
    this.#released = true;
    for (const open of this.#gates) open();
    this.#gates.clear();
  }

  /** How much it holds back now. */
  get held(): number {
    return this.#gates.size;
  }

  /** Lets go what it holds back longest, and goes on holding. */
  releaseNext(): void {
    const [open] = this.#gates;
    if (open === undefined) return;
    this.#gates.delete(open);
    open();
  }

  /** The rule applies no more; what it did stays, and what it holds back is let go. */
  remove(): void {
    this.#removed = true;
    this.release();
  }

  /** @internal Counts a match; true if the fault is to be applied. */
  take(link: LinkInfo, random: SeededRandom): boolean {
    const { link: only, skip = 0, times = 1, chance = 1 } = this.rule;
    if (this.#removed || this.#applied >= times || only?.(link) === false) return false;
    if (chance < 1 && !random.chance(chance)) return false;
    if (++this.#seen <= skip) return false;
    this.#applied++;
    return true;
  }

  /** @internal */
  hold(open: () => void): void {
    if (this.#released) open();
    else this.#gates.add(open);
  }

  /** @internal */
  happened(hit: Hit): void {
    this.#hits.push(hit);
    this.#onHit(this.rule);
    this.#resolve(hit);
  }
}
