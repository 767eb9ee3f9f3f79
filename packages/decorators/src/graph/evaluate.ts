/** Follows an expression to the service, class or method that it stands for. */
import type { AnyNode, CallExpression, MemberExpression, Pattern } from 'acorn';
import { memberOf, typeOfHome } from '../registry/members.js';
import type { Plan } from '../registry/plan.js';
import { keyOf } from '../source/class.js';
import { Scope, type Known } from './values.js';

/** The code at hand: whose it is, and what names mean in it. */
export interface Frame {
  readonly self: Known;
  readonly plan: Plan;
  /** The prototype or class that declares the code: where `super` starts. */
  readonly home: object;
  readonly scope: Scope;
}

/** What the evaluation asks of its surroundings. */
export interface World {
  /** The registered class of a name in the source, seen from the code of a service. */
  classNamed(name: string, from: Plan): Plan | undefined;
  /** What a constructor stored in a field. */
  field(plan: Plan, name: string): Known;
}

export function evaluate(node: AnyNode, frame: Frame, world: World): Known {
  switch (node.type) {
    case 'ThisExpression':
      return frame.self;
    case 'Identifier':
      return frame.scope.has(node.name) ? frame.scope.get(node.name) : global(node.name, frame, world);
    case 'MemberExpression':
      return member(node, frame, world);
    case 'CallExpression':
      return called(node, frame, world);
    case 'AwaitExpression':
    case 'YieldExpression':
      return node.argument === null || node.argument === undefined ? undefined : evaluate(node.argument, frame, world);
    case 'ChainExpression':
    case 'ParenthesizedExpression':
      return evaluate(node.expression, frame, world);
    case 'AssignmentExpression':
      return evaluate(node.right, frame, world);
    case 'SequenceExpression':
      return evaluate(node.expressions.at(-1)!, frame, world);
    case 'LogicalExpression':
      return evaluate(node.left, frame, world) ?? evaluate(node.right, frame, world);
    case 'ConditionalExpression':
      return evaluate(node.consequent, frame, world) ?? evaluate(node.alternate, frame, world);
    default:
      return undefined;
  }
}

/** A name that the code does not declare: a class of the app, or the imported `start`. */
function global(name: string, frame: Frame, world: World): Known {
  const plan = world.classNamed(name, frame.plan);
  if (plan !== undefined) return { kind: 'class', plan };
  return name === 'start' ? { kind: 'start' } : undefined;
}

function member(node: MemberExpression, frame: Frame, world: World): Known {
  const key = keyOf(node.property, node.computed);
  if (key === undefined) return undefined;
  if (node.object.type === 'Super') return above(key, frame);
  // `module.start(Class)` and `module.Class.method()`, as CommonJS output and namespace imports say it.
  if (node.object.type === 'Identifier' && !frame.scope.has(node.object.name) && global(node.object.name, frame, world) === undefined)
    return global(key, frame, world);
  return property(evaluate(node.object, frame, world), key, world);
}

/** `value.key`; also what destructuring takes. */
export function property(value: Known, key: string, world: World): Known {
  switch (value?.kind) {
    case 'instance': {
      const field = world.field(value.plan, key);
      if (field !== undefined) return field;
      if (key === 'constructor') return { kind: 'class', plan: value.plan };
      return method(value.plan, key, false, 'call');
    }
    case 'class':
      return method(value.plan, key, true, 'call');
    case 'starter':
      return method(value.plan, key, false, 'start') ?? method(value.plan, key, true, 'start');
    case 'app':
      return key === 'start' || key === 'get' ? { kind: key } : undefined;
    case 'method':
      if (key === 'bind') return { ...value, kind: 'binder' };
      return key === 'call' || key === 'apply' ? value : undefined;
    default:
      return undefined;
  }
}

function method(plan: Plan, name: string, isStatic: boolean, how: 'call' | 'start'): Known {
  const found = memberOf(plan.type, name, isStatic);
  return found === undefined ? undefined : { kind: 'method', plan, member: found, how };
}

function above(name: string, { home, plan }: Frame): Known {
  const parent = Object.getPrototypeOf(home) as object | null;
  const found =
    parent === null || parent === Object.prototype || parent === Function.prototype
      ? undefined
      : memberOf(typeOfHome(parent), name, typeof home === 'function');
  return found === undefined ? undefined : { kind: 'method', plan, member: found, how: 'call' };
}

/** What a call gives: `start(Class)`, `app.get(Class)` and `method.bind(service)`. */
function called(node: CallExpression, frame: Frame, world: World): Known {
  if (node.callee.type === 'Super') return undefined;
  const callee = evaluate(node.callee, frame, world);
  if (callee?.kind === 'binder') return { ...callee, kind: 'method' };
  const [first] = node.arguments;
  const type = first === undefined || (callee?.kind !== 'start' && callee?.kind !== 'get') ? undefined : evaluate(first, frame, world);
  if (type?.kind !== 'class') return undefined;
  return { kind: callee?.kind === 'get' ? 'instance' : 'starter', plan: type.plan };
}

/** Gives the names of a pattern their values: `{ accounts }`, `{ accounts: { debit } }`, `a = this.accounts`. */
export function bindPattern(pattern: Pattern, value: Known, frame: Frame, world: World): void {
  switch (pattern.type) {
    case 'Identifier':
      return frame.scope.declare(pattern.name, value);
    case 'AssignmentPattern':
      return bindPattern(pattern.left, value ?? evaluate(pattern.right, frame, world), frame, world);
    case 'RestElement':
      return bindPattern(pattern.argument, undefined, frame, world);
    case 'ArrayPattern':
      for (const element of pattern.elements) if (element !== null) bindPattern(element, undefined, frame, world);
      return;
    case 'ObjectPattern':
      for (const one of pattern.properties) {
        if (one.type === 'RestElement') bindPattern(one, undefined, frame, world);
        else bindPattern(one.value, property(value, keyOf(one.key, one.computed) ?? '', world), frame, world);
      }
      return;
    case 'MemberExpression':
  }
}
