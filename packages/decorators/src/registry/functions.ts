/** Makes the registered functions of a service from the metadata of its class and of those above. */
import type { FunctionTable } from '../binding.js';
import type { FunctionMetadata } from '../metadata.js';
import type { RegisteredFunction } from '../registered.js';
import type { Sources } from '../source/parse.js';
import type { Type } from '../types.js';
import { membersOf, type Member } from './members.js';
import { parameterRules } from './parameters.js';
import type { Plan, ServiceEntry } from './plan.js';
import type { Problems } from './problems.js';

/**
 * Fills `plan.service.functions`. An inherited function is registered under the class at hand; one that is overridden is not
 * registered at all.
 */
export function registerFunctions(plan: Plan, sources: Sources, problems: Problems): void {
  for (const member of membersOf(plan.type)) {
    const { metadata } = member;
    if (metadata === undefined) continue;
    const known = plan.service.functions.get(member.name);
    if (known !== undefined) {
      problems.add(
        `${plan.service.name}.${member.name}`,
        'is a static and an instance function of one name',
        'Rename one of them: both would be stored under the same name',
      );
      continue;
    }
    plan.service.functions.set(member.name, register(plan.service, member, metadata, sources, problems));
  }
}

function register(service: ServiceEntry, member: Member, metadata: FunctionMetadata, sources: Sources, problems: Problems): RegisteredFunction {
  const given = metadata.options['name'];
  const name = `${service.name}.${typeof given === 'string' && given !== '' ? given : metadata.method}`;
  return { name, kind: metadata.kind, metadata, service, parameters: parameterRules(member, name, sources, problems) };
}

/** What an instance (or the class) of the service looks its functions up in. */
export function functionTable(plan: Plan): FunctionTable {
  const table = new Map<FunctionMetadata, RegisteredFunction | 'overridden'>();
  for (const { name, overridden, metadata } of membersOf(plan.type)) {
    const fn = plan.service.functions.get(name);
    if (fn === undefined || metadata === undefined) continue;
    for (const { metadata: above } of overridden) if (above !== undefined) table.set(above, 'overridden');
    if (fn.metadata === metadata) table.set(metadata, fn);
  }
  return table;
}

/** Classes of a service, itself first. */
export function lineage(type: Type): readonly Type[] {
  const types: Type[] = [];
  for (let at: unknown = type; typeof at === 'function' && at !== Function.prototype; at = Object.getPrototypeOf(at)) types.push(at as Type);
  return types;
}
