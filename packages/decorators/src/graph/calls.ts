/** Which functions the code of a function calls, helpers of its class included. */
import type { AnyNode, CallExpression } from 'acorn';
import { functionValue, type Member } from '../registry/members.js';
import { keyName, type Plan, type Plans } from '../registry/plan.js';
import type { RegisteredFunction } from '../registered.js';
import { keyOf } from '../source/class.js';
import type { FunctionNode, Sources } from '../source/parse.js';
import { evaluate, type Frame, type World } from './evaluate.js';
import { Fields } from './fields.js';
import { Scope, signature, type Known, type Value } from './values.js';
import { walkFunction } from './walk.js';

export interface Call {
  readonly to: RegisteredFunction;
  /** `pass`: the method is handed on as a value, so it may be called. */
  readonly how: 'call' | 'start' | 'pass';
  /** Helpers on the way: `this.charge()` of the class. */
  readonly via: readonly string[];
}
/** A call of a method that the class of a service does not have. */
export interface Absence {
  readonly plan: Plan;
  readonly method: string;
  readonly caller: RegisteredFunction;
}

export class Calls implements World {
  readonly absences: Absence[] = [];
  readonly #sources: Sources;
  readonly #fields: Fields;
  readonly #classes = new Map<string, Plan | undefined>();

  constructor(plans: Plans, sources: Sources) {
    this.#sources = sources;
    this.#fields = new Fields(plans, sources, this);
    for (const plan of plans.values()) {
      const name = keyName(plan.type);
      // Two classes of one name cannot be told apart by it.
      this.#classes.set(name, this.#classes.has(name) ? undefined : plan);
    }
  }

  of(fn: RegisteredFunction, plan: Plan, member: Member): readonly Call[] {
    const node = this.#sources.function(fn.metadata.body);
    if (node === undefined) return [];
    const search = new Search(this, this.#sources, fn, this.absences);
    search.follow(node, { plan, home: member.home, self: { kind: member.isStatic ? 'class' : 'instance', plan } }, [], []);
    return search.calls;
  }

  /** TypeScript renames a decorated class inside itself: `Ids_1`. */
  classNamed(name: string, from: Plan): Plan | undefined {
    const own = keyName(from.type);
    if (name === own) return from;
    if (name.startsWith(`${own}_`) && Number.isInteger(Number(name.slice(own.length + 1)))) return from;
    return this.#classes.get(name);
  }

  field(plan: Plan, name: string): Known {
    return this.#fields.get(plan, name);
  }
}

/** One search: the calls of one function. */
class Search {
  readonly calls: Call[] = [];
  readonly #seen = new Map<object, Set<string>>();
  readonly #world: World;
  readonly #sources: Sources;
  readonly #caller: RegisteredFunction;
  readonly #absences: Absence[];

  constructor(world: World, sources: Sources, caller: RegisteredFunction, absences: Absence[]) {
    this.#world = world;
    this.#sources = sources;
    this.#caller = caller;
    this.#absences = absences;
  }

  /** Each piece of code once for the same arguments. */
  follow(node: FunctionNode, place: Omit<Frame, 'scope'>, args: readonly Known[], via: readonly string[]): void {
    const key = [signature(place.self), ...args.map(signature)].join();
    const seen = this.#seen.get(node) ?? new Set();
    if (seen.has(key)) return;
    this.#seen.set(node, seen.add(key));
    walkFunction(node, { ...place, scope: new Scope() }, args, this.#world, { call: (call, frame) => this.#call(call, frame, via) });
  }

  #call(node: CallExpression, frame: Frame, via: readonly string[]): void {
    const args = node.arguments.map((argument) => evaluate(argument, frame, this.#world));
    for (const value of args) if (value?.kind === 'method') this.#reach(value, 'pass', via);
    if (node.callee.type === 'Super') return;
    const callee = evaluate(node.callee, frame, this.#world);
    if (callee?.kind === 'closure') {
      this.follow(callee.node, { plan: callee.plan, home: callee.home, self: { kind: 'instance', plan: callee.plan } }, args, [...via, callee.name]);
    } else if (callee?.kind === 'method') {
      if (!this.#reach(callee, callee.how, via)) this.#helper(callee, args, via);
    } else if (callee === undefined) this.#noteAbsence(node.callee, frame);
  }

  /** False for a method that is no function of its service. */
  #reach({ plan, member, how }: Value & { kind: 'method' | 'binder' }, as: Call['how'], via: readonly string[]): boolean {
    const fn = plan.service.functions.get(member.name);
    if (fn === undefined || fn.metadata !== member.metadata) return false;
    this.calls.push({ to: fn, how: how === 'start' ? 'start' : as, via });
    return true;
  }

  #helper({ plan, member, how }: Value & { kind: 'method' | 'binder' }, args: readonly Known[], via: readonly string[]): void {
    const value = functionValue(member);
    const node = value === undefined || how === 'start' ? undefined : this.#sources.function(value);
    if (node !== undefined)
      this.follow(node, { plan, home: member.home, self: { kind: member.isStatic ? 'class' : 'instance', plan } }, args, [...via, member.name]);
  }

  #noteAbsence(callee: AnyNode, frame: Frame): void {
    const node = callee.type === 'ChainExpression' ? callee.expression : callee;
    if (node.type !== 'MemberExpression' || node.object.type === 'Super') return;
    const service = evaluate(node.object, frame, this.#world);
    const method = keyOf(node.property, node.computed);
    if (service?.kind === 'instance' && method !== undefined && !(method in (service.plan.type.prototype as object)))
      this.#absences.push({ plan: service.plan, method, caller: this.#caller });
  }
}
