/** What launch refuses in decorated classes, each with the method, the problem and the remedy. */
import type { AnyNode, Node } from 'acorn';
import { base, full, simple } from 'acorn-walk';
import { serializables } from '../decorators/serializable.js';
import { decoratorName } from '../method.js';
import { misuses, serviceMetadata, validatedMethods, type FunctionMetadata } from '../metadata.js';
import { isClassNode, keyOf } from '../source/class.js';
import type { FunctionNode, Sources } from '../source/parse.js';
import { lineage } from './functions.js';
import { homesOf, membersOf, type Member } from './members.js';
import { optionProblems } from './options.js';
import { keyName, type Plan, type Plans } from './plan.js';
import type { Problems } from './problems.js';

export function checkAll(plans: Plans, sources: Sources, problems: Problems): void {
  for (const plan of plans.values()) {
    checkService(plan, problems);
    for (const member of membersOf(plan.type)) checkMember(plan, member, sources, problems);
    checkPlaces(plan, problems);
    checkFields(plan, sources, problems);
    checkSuper(plan, sources, problems);
  }
  checkNames(plans, problems);
  checkSerializables(problems);
}

function checkService({ type, service }: Plan, problems: Problems): void {
  const own = serviceMetadata(type);
  for (const problem of own === undefined ? [] : optionProblems('service', own.options))
    problems.add(service.name, `@Service: ${problem}`, 'Correct the option');
  if (type.name === '' && service.name === keyName(type)) problems.add(service.name, 'the class has no name to store', 'Give it one: @Service({ name })');
}

function checkMember({ service }: Plan, member: Member, sources: Sources, problems: Problems): void {
  const where = `${service.name}.${member.name}`;
  const above = member.overridden.find((other) => other.metadata !== undefined);
  if (member.metadata === undefined) {
    if (above?.metadata === undefined) return;
    const decorator = decoratorName(above.metadata.kind);
    problems.add(
      where,
      `overrides the ${decorator} of ${keyName(above.type)} without a decorator, so it would not be recorded`,
      `Add ${decorator}() to it, or rename it`,
    );
    return;
  }
  for (const problem of optionProblems(member.metadata.kind, member.metadata.options)) {
    problems.add(where, `${decoratorName(member.metadata.kind)}: ${problem}`, 'Correct or remove the option');
  }
  checkShape(where, member.metadata, sources, problems);
}

const GeneratorFunction = Object.getPrototypeOf(function* () {}) as object;
const AsyncGeneratorFunction = Object.getPrototypeOf(async function* () {}) as object;
const AsyncFunction = Object.getPrototypeOf(async function () {}) as object;

/** For callers without a compiler. A sync function that returns something may return a promise; one that returns nothing cannot. */
function checkShape(where: string, { kind, body }: FunctionMetadata, sources: Sources, problems: Problems): void {
  const shape = Object.getPrototypeOf(body) as object;
  const decorator = decoratorName(kind);
  if (shape === GeneratorFunction || shape === AsyncGeneratorFunction)
    return problems.add(where, `${decorator} stands at a generator`, 'Make it an async method');
  if (kind === 'procedure') {
    if (shape === AsyncFunction)
      problems.add(where, '@Procedure stands at an async method', 'Make it a sync method that returns sql`...` or sql.batch(...), or use @Transaction');
    return;
  }
  const node = shape === AsyncFunction ? undefined : sources.function(body);
  if (node !== undefined && returnsNothing(node)) problems.add(where, `${decorator} stands at a method that is not async`, 'Make it async');
}

function returnsNothing(node: FunctionNode): boolean {
  if (node.body.type !== 'BlockStatement') return false;
  let returns = false;
  let throws = false;
  const skip = (): void => {};
  const visitors = {
    ReturnStatement: ({ argument }: { argument?: unknown }) => void (returns ||= argument !== null && argument !== undefined),
    ThrowStatement: () => void (throws = true),
  };
  simple(node.body, visitors, { ...base, Function: skip, Class: skip });
  return !returns && !throws;
}

/** Decorators where they cannot stand, and @Valid that nobody reads. */
function checkPlaces({ type, service }: Plan, problems: Problems): void {
  for (const home of [...homesOf(type, false), ...homesOf(type, true)]) {
    for (const { member, problem, remedy } of misuses(home)) problems.add(`${service.name}.${member}`, problem, remedy);
    for (const name of validatedMethods(home)) {
      if (
        membersOf(type).some((member) => member.name === name && [member, ...member.overridden].some((one) => one.home === home && one.metadata !== undefined))
      )
        continue;
      problems.add(
        `${service.name}.${name}`,
        'carries @Valid and no function decorator, so nothing is validated',
        'Add @Workflow, @Transaction, @Procedure or @Communicator, or remove @Valid',
      );
    }
  }
}

/** `save = async () => {}` hides the decorated `save` of the class above. */
function checkFields({ type, service }: Plan, sources: Sources, problems: Problems): void {
  for (const one of lineage(type)) {
    const node = sources.class(one);
    if (node === undefined || !isClassNode(node)) continue;
    for (const member of node.body.body) {
      if (member.type !== 'PropertyDefinition') continue;
      const name = keyOf(member.key, member.computed);
      const hidden = name === undefined || member.static ? undefined : service.functions.get(name);
      if (hidden !== undefined)
        problems.add(
          `${service.name}.${name}`,
          `is a field that hides the ${decoratorName(hidden.kind)} of this name`,
          'Make it a decorated method, or rename it',
        );
    }
  }
}

/**
 * `super.pay()` runs the overridden body as a part of the override. Elsewhere it would run unrecorded, or under the rules of
 * another kind of function.
 */
function checkSuper({ type, service }: Plan, sources: Sources, problems: Problems): void {
  for (const member of membersOf(type)) {
    const overridden = member.metadata === undefined ? [] : member.overridden.filter((one) => one.metadata !== undefined);
    if (overridden.length === 0) continue;
    for (const { node, caller } of membersBelow(type, member, sources)) {
      if (!callsSuper(node, member.name)) continue;
      const where = `${service.name}.${caller}`;
      const other = overridden.find((one) => one.metadata?.kind !== member.metadata?.kind)?.metadata;
      if (caller !== member.name) {
        problems.add(
          where,
          `calls super.${member.name}(), which ${service.name} overrides, so it would run unrecorded`,
          `Call this.${member.name}(), or move the call into ${member.name}`,
        );
      } else if (other !== undefined) {
        problems.add(
          where,
          `is a ${decoratorName(member.metadata!.kind)} and calls super.${caller}(), a ${decoratorName(other.kind)}`,
          'Give both the same decorator, or another name to one',
        );
      }
    }
  }
}

function* membersBelow(type: Plan['type'], { isStatic }: Member, sources: Sources): Iterable<{ node: Node; caller: string }> {
  for (const one of lineage(type)) {
    const node = sources.class(one);
    if (node === undefined || !isClassNode(node)) continue;
    for (const child of node.body.body) {
      if (child.type === 'StaticBlock' || child.static !== isStatic) continue;
      yield { node: child, caller: keyOf(child.key, child.computed) ?? '[computed]' };
    }
  }
}

function callsSuper(node: Node, name: string): boolean {
  let found = false;
  full(node, (child) => {
    const member = child as AnyNode;
    if (member.type === 'MemberExpression' && member.object.type === 'Super') found ||= keyOf(member.property, member.computed) === name;
  });
  return found;
}

function checkNames(plans: Plans, problems: Problems): void {
  const services = new Map<string, Plan>();
  const functions = new Map<string, string>();
  for (const plan of plans.values()) {
    const { name } = plan.service;
    if (services.has(name)) problems.add(name, 'two classes have this service name', 'Name one of them: @Service({ name })');
    else services.set(name, plan);
    for (const [method, fn] of plan.service.functions) {
      const other = functions.get(fn.name);
      if (other !== undefined && services.get(name) === plan)
        problems.add(fn.name, `${other} and ${method} are both stored under this name`, 'Give one of them another `name`');
      functions.set(fn.name, method);
    }
  }
}

function checkSerializables(problems: Problems): void {
  const known = new Map<string, unknown>();
  for (const { name, type } of serializables()) {
    const where = keyName(type);
    if (typeof name !== 'string' || name === '') problems.add(where, '@Serializable has no name', 'Give it one: it is stored with each value');
    if (known.has(name) && known.get(name) !== type)
      problems.add(where, `@Serializable(${JSON.stringify(name)}) names two classes`, 'Name one of them differently');
    known.set(name, type);
  }
}
