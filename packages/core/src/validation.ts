/** The arguments of functions against the class-validator rules of their declared classes, before anything is recorded. */
import { raise, type ParameterRule, type RegisteredFunction, type Violation } from '@apiary/decorators/internal';
import { plainToInstance } from 'class-transformer';
import { validateSync, type ValidationError } from 'class-validator';
import { Builder, dropDeclaredOnly, isObject, isOpaque, Unbuildable } from './validation/build.js';
import { plainClone } from './validation/clone.js';
import { rulesOf } from './validation/rules.js';
import { checkShape } from './validation/shape.js';

const options = { whitelist: true, forbidNonWhitelisted: true, forbidUnknownValues: true, stopAtFirstError: false, validationError: { target: false } };

/** A rule of a parameter, and whether null may stand for its value: where reflection shows no class, its type is a union or a list. */
interface Rule extends ParameterRule {
  readonly nullable: boolean;
}
const rulesOfFunctions = new WeakMap<RegisteredFunction, readonly Rule[]>();

/**
 * The arguments with instances of the declared classes in place of plain objects, checked. All violations are collected.
 * @throws VALIDATION; REGISTRATION if a declared class can never be checked
 */
export function validateArguments(fn: RegisteredFunction, args: readonly unknown[]): unknown[] {
  const out = [...args];
  if (fn.parameters.length === 0) return out;
  const violations: Violation[] = [];
  for (const rule of rules(fn)) out[rule.index] = argument(rule, args[rule.index], violations);
  out.length = args.length;
  if (violations.length > 0) raise('VALIDATION', { violations });
  return out;
}

/** The arguments as a record gives them back, with instances in place of plain objects again; nothing is checked. */
export function instantiate(fn: RegisteredFunction, args: readonly unknown[]): unknown[] {
  const out = [...args];
  for (const { index, name, type, array } of fn.parameters) {
    const value = args[index];
    const one = (item: unknown): unknown => (isObject(item) && !Array.isArray(item) && !isOpaque(item) ? new Builder(false).instance(type, item, name) : item);
    if (isObject(value)) out[index] = array && Array.isArray(value) ? value.map(one) : one(value);
  }
  return out;
}

/**
 * Looks at launch for rules that no argument can satisfy, and for rules that would never run.
 * @throws REGISTRATION with all of them
 */
export function checkRules(functions: Iterable<RegisteredFunction>): void {
  const problems = [...functions].flatMap((fn) =>
    fn.parameters.flatMap(({ type }) => rulesOf(type).problems.map((problem) => ({ method: fn.name, ...problem }))),
  );
  if (problems.length > 0) raise('REGISTRATION', { problems });
}

function rules(fn: RegisteredFunction): readonly Rule[] {
  let found = rulesOfFunctions.get(fn);
  if (found === undefined) {
    checkRules([fn]);
    const { type } = fn.service;
    const { isStatic, method } = fn.metadata;
    const home = isStatic ? type : (type.prototype as object);
    const emitted = (Reflect as { getMetadata?(key: string, target: object, property: string): unknown }).getMetadata?.('design:paramtypes', home, method);
    found = fn.parameters.map((rule) => ({ ...rule, nullable: Array.isArray(emitted) && emitted[rule.index] !== rule.type }));
    rulesOfFunctions.set(fn, found);
  }
  return found;
}

function argument({ name, type, array, nullable }: Rule, value: unknown, violations: Violation[]): unknown {
  if (value === undefined || (value === null && nullable)) return value;
  if (!array) return instance({ name, type }, value, name, violations);
  if (Array.isArray(value)) return value.map((item, index) => instance({ name, type }, item, `${name}.${index}`, violations));
  violations.push(violation(name, 'isArray', `${name} must be an array`, value));
  return value;
}

function instance(rule: Pick<ParameterRule, 'name' | 'type'>, value: unknown, path: string, violations: Violation[]): unknown {
  if (!isObject(value) || Array.isArray(value) || isOpaque(value)) {
    violations.push(violation(path, 'isObject', `${path} must be an object`, value));
    return value;
  }
  try {
    const builder = new Builder(true);
    const built = builder.instance(rule.type, value, path);
    const made = builder.needsTransformer ? transformed(rule, value, path, builder) : built;
    check(made, path, builder, violations);
    return made;
  } catch (error) {
    if (!(error instanceof Unbuildable)) throw error;
    violations.push({ path: error.path, rule: error.rule, message: error.message });
    return value;
  }
}

/** By class-transformer itself, for classes with its other decorators. It may change its input, so it gets a copy. */
function transformed({ type, name }: Pick<ParameterRule, 'name' | 'type'>, value: object, path: string, builder: Builder): object {
  if (builder.dropsDiscriminators) {
    raise('REGISTRATION', {
      problems: [
        {
          method: `${type.name} (parameter ${name})`,
          problem: 'a @Type with a discriminator beside @Transform, @Expose or @Exclude loses its discriminator',
          remedy: 'Set keepDiscriminatorProperty: true',
        },
      ],
    });
  }
  const made = plainToInstance(type as new () => object, plainClone(value, path));
  dropAll(made);
  return made;
}

function dropAll(value: unknown): void {
  if (!isObject(value) || isOpaque(value)) return;
  const type: unknown = value.constructor;
  if (typeof type === 'function' && type !== Object && type !== Array) dropDeclaredOnly(value, rulesOf(type as never));
  for (const member of Object.values(value)) dropAll(member);
}

function check(made: object, path: string, builder: Builder, violations: Violation[]): void {
  const found = new Map<string, Violation>();
  const report = (v: Violation): void => {
    if (v.rule === 'whitelistValidation' && builder.discriminators.has(v.path)) return;
    const key = `${v.path} ${v.rule}`;
    if (!found.has(key)) found.set(key, v);
  };
  for (const error of validateSync(made, options)) flatten(error, path, report);
  checkShape(made, path, report);
  violations.push(...found.values());
}

function flatten(error: ValidationError, parent: string, report: (v: Violation) => void): void {
  const path = (error.property as string | undefined) === undefined ? parent : `${parent}.${error.property}`;
  for (const [rule, message] of Object.entries(error.constraints ?? {})) report(violation(path, rule, message, error.value));
  for (const child of error.children ?? []) flatten(child, path, report);
}

/** With the value only where it is short and plain: errors are logged and sent. */
function violation(path: string, rule: string, message: string, value: unknown): Violation {
  const isShown =
    value === null ||
    typeof value === 'number' ||
    typeof value === 'boolean' ||
    (typeof value === 'string' && value.length <= 100 && !/pass|secret|token|pin\b|key\b/i.test(path));
  return isShown ? { path, rule, message, value } : { path, rule, message };
}
