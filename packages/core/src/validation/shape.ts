/** What class-validator lets pass in nested values (RELIABILITY T9): lists for objects, texts for lists, nothing for an object. */
import type { Type, Violation } from '@apiary/decorators/internal';
import { isObject, isOpaque } from './build.js';
import { rulesOf, type PropertyRules } from './rules.js';

type Report = (violation: Violation) => void;

/** Reports where an instance, or one nested in it, has another shape than its class declares. */
export function checkShape(instance: object, path: string, report: Report): void {
  const type: unknown = instance.constructor;
  if (typeof type !== 'function') return;
  for (const rules of rulesOf(type as unknown as Type).properties.values()) {
    const value = (instance as Record<string, unknown>)[rules.name];
    if (!rules.applies(instance, value)) continue;
    const at = `${path}.${rules.name}`;
    const problem = shapeProblem(rules, value);
    if (problem !== undefined) report({ path: at, ...problem });
    else if (rules.nested && isObject(value)) checkNested(value, at, report);
  }
}

function shapeProblem({ name, each, nested, declared }: PropertyRules, value: unknown): Pick<Violation, 'rule' | 'message'> | undefined {
  const isMissing = value === undefined || value === null;
  if (isMissing)
    return nested && value === undefined ? { rule: 'isDefined', message: `${name} should not be missing; mark it @IsOptional() if it may be` } : undefined;
  if ((each || (declared as unknown) === Array) && !isList(value)) return { rule: 'isArray', message: `${name} must be an array` };
  // Of a union or an interface nothing is known: the rules have the say.
  const isOneObject = nested && !each && declared !== undefined && ![Array, Set, Map].includes(declared as never);
  return isOneObject && isList(value) ? { rule: 'isObject', message: `${name} must be an object` } : undefined;
}

function checkNested(value: object, path: string, report: Report): void {
  if (!isList(value)) return isOpaque(value) ? undefined : checkShape(value, path, report);
  const members: readonly (readonly [unknown, unknown])[] = value instanceof Map ? [...value] : [...value].map((item, index) => [index, item] as const);
  for (const [key, item] of members) {
    const at = `${path}.${String(key)}`;
    if (item === undefined) report({ path: at, rule: 'isDefined', message: `${at.slice(at.lastIndexOf('.') + 1)} should not be missing` });
    if (!isObject(item)) continue; // class-validator refuses everything else
    if (isList(item)) report({ path: at, rule: 'isObject', message: `${at.slice(at.lastIndexOf('.') + 1)} must be an object` });
    else if (!isOpaque(item)) checkShape(item, at, report);
  }
}

function isList(value: unknown): value is readonly unknown[] | Set<unknown> | Map<unknown, unknown> {
  return Array.isArray(value) || value instanceof Set || value instanceof Map;
}
