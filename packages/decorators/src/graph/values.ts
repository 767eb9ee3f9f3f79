/** What an expression in a method is known to be. Everything else is undefined. */
import type { Member } from '../registry/members.js';
import type { Plan } from '../registry/plan.js';
import type { FunctionNode } from '../source/parse.js';

export type Value =
  /** A service, as `this` or behind a field. */
  | { readonly kind: 'instance'; readonly plan: Plan }
  /** A class: static functions, and what `start` takes. */
  | { readonly kind: 'class'; readonly plan: Plan }
  | { readonly kind: 'app' }
  /** `start`, ambient or of the app, and `get` of the app: functions that take a class. */
  | { readonly kind: 'start' | 'get' }
  /** `start(Service)`. */
  | { readonly kind: 'starter'; readonly plan: Plan }
  /** A method that a name or an alias stands for, and its `bind`. */
  | { readonly kind: 'method' | 'binder'; readonly plan: Plan; readonly member: Member; readonly how: 'call' | 'start' }
  /** A function in a field, or a `#private` method. */
  | { readonly kind: 'closure'; readonly plan: Plan; readonly node: FunctionNode; readonly home: object; readonly name: string };
export type Known = Value | undefined;

/** The same text for the same value: what a function was analysed with. */
export function signature(value: Known): string {
  if (value === undefined) return '?';
  const of = 'plan' in value ? value.plan.service.name : '';
  return `${value.kind} ${of}${value.kind === 'method' || value.kind === 'binder' ? `.${value.member.name}` : ''}`;
}

/** Names of one block or function, and those around it. */
export class Scope {
  readonly #names = new Map<string, Known>();
  readonly #outer: Scope | undefined;

  constructor(outer?: Scope) {
    this.#outer = outer;
  }

  declare(name: string, value: Known): void {
    this.#names.set(name, value);
  }
  assign(name: string, value: Known): void {
    if (this.#names.has(name)) this.#names.set(name, value);
    else this.#outer?.assign(name, value);
  }
  /** Whether the code at hand declares the name, known or not: it then hides classes and imports. */
  has(name: string): boolean {
    return this.#names.has(name) || this.#outer?.has(name) === true;
  }
  get(name: string): Known {
    return this.#names.has(name) ? this.#names.get(name) : this.#outer?.get(name);
  }
}
