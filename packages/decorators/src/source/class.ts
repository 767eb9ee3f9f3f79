/** What the source of a class says of its constructor, fields and members. */
import type { AnyNode, Pattern } from 'acorn';
import { full } from 'acorn-walk';
import type { Type } from '../types.js';
import type { ClassNode, FunctionNode, Sources } from './parse.js';

export interface Parameter {
  /** Undefined for a destructured one. */
  readonly name: string | undefined;
  readonly hasDefault: boolean;
  readonly isRest: boolean;
}
export interface Constructor {
  /** The class that declares it. */
  readonly type: Type;
  readonly parameters: readonly Parameter[];
}

export function isClassNode(node: ClassNode | FunctionNode): node is ClassNode {
  return node.type === 'ClassExpression' || node.type === 'ClassDeclaration';
}

/** The class above, or undefined at the top. */
export function parentOf(type: Type): Type | undefined {
  const parent: unknown = Object.getPrototypeOf(type);
  return typeof parent === 'function' && parent !== Function.prototype ? (parent as Type) : undefined;
}

/** The constructor's node in the class's own source; undefined when the class has none. */
export function ownConstructor(node: ClassNode | FunctionNode | undefined): FunctionNode | undefined {
  if (node === undefined) return undefined;
  if (!isClassNode(node)) return node;
  for (const member of node.body.body) if (member.type === 'MethodDefinition' && member.kind === 'constructor') return member.value;
  return undefined;
}

/**
 * The constructor that `new type()` really asks: the nearest one that is written out. One that only hands its arguments
 * on (`constructor(...args) { super(...args); }`, as mixins and compilers write) counts as none.
 */
export function constructorOf(type: Type, sources: Sources): Constructor {
  for (let at: Type | undefined = type; at !== undefined; at = parentOf(at)) {
    const node = ownConstructor(sources.class(at));
    if (node === undefined || (parentOf(at) !== undefined && handsOn(node))) continue;
    return { type: at, parameters: parametersOf(node) };
  }
  return { type, parameters: [] };
}

/** Whether `super(...)` is given all arguments as they came. */
export function handsOn(node: FunctionNode): boolean {
  const [first, ...others] = node.params;
  if (others.length > 0) return false;
  const all = first === undefined ? 'arguments' : first.type === 'RestElement' && first.argument.type === 'Identifier' ? first.argument.name : undefined;
  let found = false;
  full(node.body, (child) => {
    const call = child as AnyNode;
    if (call.type !== 'CallExpression' || call.callee.type !== 'Super') return;
    const [spread] = call.arguments;
    if (spread?.type === 'SpreadElement' && spread.argument.type === 'Identifier') found ||= spread.argument.name === all;
  });
  return found;
}

export function parametersOf(node: FunctionNode): readonly Parameter[] {
  return node.params.map((pattern) => ({
    name: nameOf(pattern),
    hasDefault: pattern.type === 'AssignmentPattern',
    isRest: pattern.type === 'RestElement',
  }));
}

function nameOf(pattern: Pattern): string | undefined {
  if (pattern.type === 'Identifier') return pattern.name;
  if (pattern.type === 'AssignmentPattern') return nameOf(pattern.left);
  if (pattern.type === 'RestElement') return nameOf(pattern.argument);
  return undefined;
}

/** `name` of a property that is written out: `a.name`, `a['name']`, `a.#name`; undefined when it is computed. */
export function keyOf(key: AnyNode, computed: boolean): string | undefined {
  if (key.type === 'PrivateIdentifier') return `#${key.name}`;
  if (key.type === 'Identifier' && !computed) return key.name;
  if (key.type === 'Literal' && typeof key.value === 'string') return key.value;
  return undefined;
}
