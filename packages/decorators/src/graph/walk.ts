/** Walks the code of a function in the order of its text, with the scopes that its names live in. */
import type {
  AnyNode,
  AssignmentExpression,
  CallExpression,
  CatchClause,
  Function as AcornFunction,
  FunctionExpression,
  Node,
  VariableDeclarator,
} from 'acorn';
import { base, recursive, type RecursiveVisitors } from 'acorn-walk';
import type { FunctionNode } from '../source/parse.js';
import { bindPattern, evaluate, type Frame, type World } from './evaluate.js';
import { Scope, type Known } from './values.js';

/** Called for what happens in the code; arguments and callees are walked afterwards. */
export interface Visit {
  call(node: CallExpression, frame: Frame): void;
  assign?(node: AssignmentExpression, frame: Frame): void;
}

/**
 * @param node its body is walked with the parameters bound to `args`
 * @param frame what `this` and names mean outside of it
 */
export function walkFunction(node: FunctionNode, frame: Frame, args: readonly Known[], world: World, visit: Visit): void {
  const inner = { ...frame, scope: new Scope(frame.scope) };
  node.params.forEach((pattern, index) => bindPattern(pattern, args[index], inner, world));
  recursive(node.body, inner, visitors(world, visit));
}

type Continue = (node: Node, frame: Frame, override?: string) => void;
type Visitors = Record<string, (node: never, frame: Frame, next: Continue) => void>;
const plain = base as unknown as Record<string, (node: Node, frame: Frame, next: Continue) => void>;

function nested(node: Node, frame: Frame, next: Continue): void {
  plain[node.type]!(node, { ...frame, scope: new Scope(frame.scope) }, next);
}

function visitors(world: World, visit: Visit): RecursiveVisitors<Frame> {
  const own: Visitors = {
    BlockStatement: nested,
    ForStatement: nested,
    ForInStatement: nested,
    ForOfStatement: nested,
    SwitchStatement: nested,
    VariableDeclarator(node: VariableDeclarator, frame, next) {
      if (node.init) next(node.init, frame);
      bindPattern(node.id, node.init ? evaluate(node.init, frame, world) : undefined, frame, world);
    },
    AssignmentExpression(node: AssignmentExpression, frame, next) {
      next(node.right, frame);
      visit.assign?.(node, frame);
      if (node.left.type === 'Identifier') frame.scope.assign(node.left.name, evaluate(node.right, frame, world));
      else if (node.left.type === 'MemberExpression') next(node.left.object, frame);
      else bindPattern(node.left, evaluate(node.right, frame, world), frame, world);
    },
    CallExpression(node: CallExpression, frame, next) {
      visit.call(node, frame);
      next(node.callee, frame);
      for (const argument of node.arguments) next(argument, frame, isAwaiter(node, argument) ? 'Awaited' : undefined);
    },
    // An async method as older compilation targets write it: `__awaiter(this, void 0, void 0, function* () { ... })`.
    Awaited(node: FunctionExpression, frame, next) {
      next(node.body, frame);
    },
    Function(node: AcornFunction, frame, next) {
      const self = node.type === 'ArrowFunctionExpression' ? frame.self : undefined;
      const inner = { ...frame, self, scope: new Scope(frame.scope) };
      for (const pattern of node.params) {
        bindPattern(pattern, undefined, inner, world);
        if (pattern.type === 'AssignmentPattern') next(pattern.right, inner);
      }
      next(node.body, inner);
    },
    CatchClause(node: CatchClause, frame, next) {
      const inner = { ...frame, scope: new Scope(frame.scope) };
      if (node.param) bindPattern(node.param, undefined, inner, world);
      next(node.body, inner);
    },
    Class(node: Node, frame, next) {
      plain['Class']!(node, { ...frame, self: undefined }, next);
    },
  };
  return own as unknown as RecursiveVisitors<Frame>;
}

function isAwaiter(call: CallExpression, argument: AnyNode): boolean {
  return argument.type === 'FunctionExpression' && argument.generator && call.arguments[0]?.type === 'ThisExpression';
}
