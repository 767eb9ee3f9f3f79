/** What constructors store in fields: `this.accounts = accounts`, as TypeScript writes parameter properties. */
import type { AssignmentExpression, CallExpression, Expression, SpreadElement } from 'acorn';
import { planOf } from '../registry/order.js';
import type { Dependency, Plan, Plans } from '../registry/plan.js';
import { handsOn, isClassNode, keyOf, ownConstructor, parentOf } from '../source/class.js';
import type { ClassNode, FunctionNode, Sources } from '../source/parse.js';
import type { Type } from '../types.js';
import { evaluate, type Frame, type World } from './evaluate.js';
import { Scope, type Known } from './values.js';
import { walkFunction } from './walk.js';

export class Fields {
  readonly #known = new Map<Plan, Map<string, Known>>();
  readonly #plans: Plans;
  readonly #sources: Sources;
  readonly #world: World;

  constructor(plans: Plans, sources: Sources, world: World) {
    this.#plans = plans;
    this.#sources = sources;
    this.#world = world;
  }

  get(plan: Plan, name: string): Known {
    let fields = this.#known.get(plan);
    if (fields === undefined) {
      fields = new Map();
      this.#known.set(plan, fields);
      const args: Known[] = [];
      for (const dependency of plan.dependencies) args[dependency.index] = this.#injected(dependency);
      this.#construct(plan, plan.type, args, fields);
    }
    return fields.get(name);
  }

  #injected(dependency: Dependency): Known {
    if (dependency.source.kind === 'app') return { kind: 'app' };
    const plan = planOf(dependency, this.#plans);
    return plan === undefined ? undefined : { kind: 'instance', plan };
  }

  #construct(plan: Plan, type: Type, args: readonly Known[], fields: Map<string, Known>): void {
    const node = this.#sources.class(type);
    const parent = parentOf(type);
    const written = ownConstructor(node);
    const frame: Frame = { self: { kind: 'instance', plan }, plan, home: type.prototype as object, scope: new Scope() };
    if (node !== undefined && isClassNode(node)) this.#functions(node, frame, fields);
    if (written === undefined) {
      if (parent !== undefined) this.#construct(plan, parent, args, fields);
    } else this.#run(written, frame, args, fields, parent);
    if (node !== undefined && isClassNode(node)) this.#initialisers(node, frame, fields);
  }

  #run(node: FunctionNode, frame: Frame, args: readonly Known[], fields: Map<string, Known>, parent: Type | undefined): void {
    const assign = ({ left, right }: AssignmentExpression, at: Frame): void => {
      if (left.type !== 'MemberExpression' || left.object.type !== 'ThisExpression') return;
      const name = keyOf(left.property, left.computed);
      if (name !== undefined) fields.set(name, evaluate(right, at, this.#world));
    };
    const call = ({ callee, arguments: given }: CallExpression, at: Frame): void => {
      if (callee.type !== 'Super' || parent === undefined) return;
      const passed = handsOn(node) ? args : given.map((one: Expression | SpreadElement) => evaluate(one, at, this.#world));
      this.#construct(frame.plan, parent, passed, fields);
    };
    walkFunction(node, frame, args, this.#world, { assign, call });
  }

  /** Functions in fields and #private methods: code of the class that no prototype shows. */
  #functions(node: ClassNode, { plan, home }: Frame, fields: Map<string, Known>): void {
    for (const member of node.body.body) {
      if (member.type === 'StaticBlock' || member.static) continue;
      const name = keyOf(member.key, member.computed);
      const value = member.value;
      if (name === undefined || (value?.type !== 'FunctionExpression' && value?.type !== 'ArrowFunctionExpression')) continue;
      if (member.type === 'PropertyDefinition' || name.startsWith('#')) fields.set(name, { kind: 'closure', plan, node: value, home, name });
    }
  }

  #initialisers(node: ClassNode, frame: Frame, fields: Map<string, Known>): void {
    for (const member of node.body.body) {
      if (member.type !== 'PropertyDefinition' || member.static || !member.value) continue;
      const name = keyOf(member.key, member.computed);
      if (name !== undefined && fields.get(name) === undefined) fields.set(name, evaluate(member.value, frame, this.#world));
    }
  }
}
