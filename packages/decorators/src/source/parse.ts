/** The syntax tree of functions and classes, from their source text. What does not parse (native code, foreign wrappers) is undefined. */
import { parse, parseExpressionAt, type AnyNode, type ArrowFunctionExpression, type Class, type FunctionDeclaration, type FunctionExpression } from 'acorn';

export type FunctionNode = FunctionDeclaration | FunctionExpression | ArrowFunctionExpression;
export type ClassNode = Class;

const options = { ecmaVersion: 'latest', allowSuperOutsideMethod: true, allowAwaitOutsideFunction: true, checkPrivateFields: false } as const;

/** Parses each source once; one a launch, so that nothing outlives it. */
export class Sources {
  readonly #functions = new Map<object, FunctionNode | undefined>();
  readonly #classes = new Map<object, ClassNode | FunctionNode | undefined>();

  function(fn: object): FunctionNode | undefined {
    if (!this.#functions.has(fn)) this.#functions.set(fn, parseFunction(textOf(fn)));
    return this.#functions.get(fn);
  }

  /** A class, or the function that an old compilation target makes of one. */
  class(type: object): ClassNode | FunctionNode | undefined {
    if (!this.#classes.has(type)) this.#classes.set(type, parseClass(textOf(type)));
    return this.#classes.get(type);
  }
}

/** The source text, as V8 keeps it. */
export function textOf(fn: object): string {
  return Function.prototype.toString.call(fn);
}

/** Built into the engine: there is no source to look at, and nothing an app would construct. */
export function isNative(type: object): boolean {
  return textOf(type).endsWith('{ [native code] }');
}

function attempt<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}

/** A method's text is a member of a class (`async a() {}`), any other function's an expression. */
function parseFunction(text: string): FunctionNode | undefined {
  return attempt(() => asMethod(text)) ?? attempt(() => asFunction(parseExpressionAt(`(${text})`, 0, options)));
}

function asMethod(text: string): FunctionNode | undefined {
  const [statement] = parse(`(class extends Object { ${text} })`, options).body;
  if (statement?.type !== 'ExpressionStatement' || statement.expression.type !== 'ClassExpression') return undefined;
  const [member, ...others] = statement.expression.body.body;
  return member?.type === 'MethodDefinition' && others.length === 0 ? member.value : undefined;
}

function asFunction(node: AnyNode): FunctionNode | undefined {
  return node.type === 'FunctionExpression' || node.type === 'ArrowFunctionExpression' ? node : undefined;
}

function parseClass(text: string): ClassNode | FunctionNode | undefined {
  const node = attempt(() => parseExpressionAt(`(${text})`, 0, options)) as AnyNode | undefined;
  if (node?.type === 'ClassExpression') return node;
  return node === undefined ? undefined : asFunction(node);
}
