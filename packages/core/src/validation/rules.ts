/** What class-validator knows of a class, read once. */
import type { Type } from '@apiary/decorators/internal';
import { getMetadataStorage, ValidationTypes } from 'class-validator';
import { recreatedClasses } from '../codec/classes.js';
import { isSelective, isTransformed, typeMetadata, type TypeMetadata } from './transformer.js';

type Metadata = ReturnType<ReturnType<typeof getMetadataStorage>['getTargetValidationMetadatas']>[number];

export interface PropertyRules {
  readonly name: string;
  /** Some rule is for each element, so the value has to be a list. */
  readonly each: boolean;
  /** Carries `@ValidateNested`. */
  readonly nested: boolean;
  /** As the compiler emitted it, if it is a class: `Array`, `Address`, ... */
  readonly declared: Type | undefined;
  /** What `@Type` says. */
  readonly typed: TypeMetadata | undefined;
  /** Carries `@Transform`. */
  readonly transformed: boolean;
  /** False where `@IsOptional` or `@ValidateIf` switch the rules off. */
  applies(object: object, value: unknown): boolean;
}
export interface ClassRules {
  /** Carries `@Expose` or `@Exclude` somewhere. */
  readonly selective: boolean;
  readonly properties: ReadonlyMap<string, PropertyRules>;
  /** What no arguments can make good: told as REGISTRATION. */
  readonly problems: readonly { readonly problem: string; readonly remedy: string }[];
}

const known = new WeakMap<Type, ClassRules>();

export function rulesOf(type: Type): ClassRules {
  let rules = known.get(type);
  if (rules === undefined) known.set(type, (rules = read(type)));
  return rules;
}

function read(type: Type): ClassRules {
  recreatedClasses.add(type);
  const byProperty = new Map<string, Metadata[]>();
  for (const metadata of getMetadataStorage().getTargetValidationMetadatas(type, '', false, false)) {
    const list = byProperty.get(metadata.propertyName);
    if (list === undefined) byProperty.set(metadata.propertyName, [metadata]);
    else list.push(metadata);
  }
  const properties = new Map([...byProperty].map(([name, list]) => [name, property(type, name, list)]));
  const problems = [...byProperty].flatMap(([name, list]) => problemsOf(type, properties.get(name) as PropertyRules, list));
  return { selective: isSelective(type), properties, problems };
}

function property(type: Type, name: string, list: readonly Metadata[]): PropertyRules {
  const conditions = list
    .filter((m) => m.type === ValidationTypes.CONDITIONAL_VALIDATION)
    .map((m) => m.constraints[0] as (object: object, value: unknown) => boolean);
  const emitted = (Reflect as { getMetadata?(key: string, target: unknown, property: string): unknown }).getMetadata?.('design:type', type.prototype, name);
  return {
    name,
    each: list.some((m) => m.each),
    nested: list.some((m) => m.type === ValidationTypes.NESTED_VALIDATION),
    declared: typeof emitted === 'function' && emitted !== Object ? (emitted as unknown as Type) : undefined,
    typed: typeMetadata(type, name),
    transformed: isTransformed(type, name),
    applies: (object, value) => conditions.every((condition) => condition(object, value)),
  };
}

function problemsOf(type: Type, { name, nested, declared, typed }: PropertyRules, list: readonly Metadata[]): ClassRules['problems'] {
  const place = `${type.name}.${name}`;
  const out: { problem: string; remedy: string }[] = [];
  if (nested && typed === undefined && !isNestable(declared)) {
    out.push({
      problem: `${place} carries @ValidateNested, but nothing tells the class of what it holds, so that no value would pass`,
      remedy: `Add @Type(() => Class) of class-transformer to ${place}`,
    });
  }
  if (list.some(isAsync)) {
    out.push({
      problem: `a rule of ${place} is asynchronous and would not run: arguments are checked before anything else happens`,
      remedy: 'Check it in a @Transaction',
    });
  }
  return out;
}

/** A class that a nested value can be made an instance of without being told by @Type. */
export function isNestable(declared: Type | undefined): declared is Type {
  return declared !== undefined && !Function.prototype.toString.call(declared).includes('[native code]') && hasRules(declared);
}

export function hasRules(type: Type): boolean {
  return getMetadataStorage().getTargetValidationMetadatas(type, '', false, false).length > 0;
}

function isAsync({ constraintCls }: Metadata): boolean {
  if (typeof constraintCls !== 'function') return false;
  const validate = (constraintCls.prototype as { validate?: unknown }).validate;
  const isAsyncFunction = Object.prototype.toString.call(validate) === '[object AsyncFunction]';
  return (
    isAsyncFunction ||
    getMetadataStorage()
      .getTargetValidatorConstraints(constraintCls)
      .some((constraint) => constraint.async)
  );
}
