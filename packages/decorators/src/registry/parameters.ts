/** Which parameters of a function are checked by class-validator, and by which class. */
import { getMetadataStorage } from 'class-validator';
import { emittedTypes, validTypes } from '../metadata.js';
import type { ParameterRule } from '../registered.js';
import { parametersOf } from '../source/class.js';
import { isNative, type Sources } from '../source/parse.js';
import type { Type } from '../types.js';
import { emitRemedy } from './discover.js';
import { functionValue, type Member } from './members.js';
import { isType, keyName } from './plan.js';
import type { Problems } from './problems.js';

/**
 * The rules of a decorated method. Notes what would let arguments pass unchecked: types that were not emitted, or emitted as
 * `Function`, and a @Valid that names a class without rules.
 */
export function parameterRules(member: Member, name: string, sources: Sources, problems: Problems): readonly ParameterRule[] {
  const emitted = emittedTypes(member.home, member.name);
  if (emitted === undefined) {
    problems.add(name, 'the compiler emitted no parameter types, so its arguments would not be validated', emitRemedy);
    return [];
  }
  const valid = validTypes(member.home, member.name);
  const node = sources.function(functionValue(member) ?? Object);
  const parameters = node === undefined ? [] : parametersOf(node);
  return emitted.flatMap((type, index) => {
    const parameter = parameters[index];
    const label = parameter?.name ?? `args.${index}`;
    const named = valid.get(index);
    const rule = named === undefined ? reflected(type, label, name, problems) : validated(named(), type, label, name, problems);
    if (rule === undefined) return [];
    if (parameter?.isRest === true) {
      problems.add(
        name,
        `the rest parameter ${label} is of a class with class-validator rules, which would see its first value only`,
        'Take an array: @Valid(() => Class) values: Class[]',
      );
      return [];
    }
    return [{ index, name: label, ...rule }];
  });
}

type Rule = Pick<ParameterRule, 'type' | 'array'>;

function reflected(type: unknown, label: string, name: string, problems: Problems): Rule | undefined {
  if (type === Function) {
    problems.add(
      name,
      `the type of parameter ${label} is emitted as Function, so it would not be validated`,
      'Import its class without `type`, or name it: @Valid(() => Class)',
    );
  }
  return isType(type) && !isNative(type) && hasRules(type) ? { type, array: false } : undefined;
}

function validated(type: unknown, emitted: unknown, label: string, name: string, problems: Problems): Rule | undefined {
  if (!isType(type)) {
    problems.add(
      name,
      `@Valid of parameter ${label} gives ${String(type)}, not a class`,
      'Let its function give the class: @Valid(() => Class), and check that the file exports it',
    );
    return undefined;
  }
  if (!hasRules(type)) {
    problems.add(
      name,
      `@Valid of parameter ${label} names ${keyName(type)}, which carries no class-validator rules`,
      `Add rules to ${keyName(type)}, or remove @Valid`,
    );
    return undefined;
  }
  return { type, array: emitted === Array };
}

/** Rules of the class itself or of one above it. */
function hasRules(type: Type): boolean {
  return getMetadataStorage().getTargetValidationMetadatas(type, '', false, false).length > 0;
}
