import { inspect } from 'node:util';
import * as chai from 'chai';
import type { Type, WorkflowHandle } from '@apiary/core';
import { kitOf } from '../kit/kit.js';

export type ExpectedError = string | RegExp | (abstract new (...args: never[]) => Error) | Record<string, unknown>;

/** What chai gives an assertion beside its public methods. */
interface Inner {
  readonly _obj: unknown;
  assert(holds: boolean, message: string, negated: string, expected?: unknown, actual?: unknown, showDiff?: boolean): void;
}

function inner(assertion: Chai.Assertion): Inner {
  return assertion as unknown as Inner;
}

type Ending = { readonly result: unknown } | { readonly error: unknown };

async function endingOf(assertion: Chai.Assertion): Promise<{ readonly id: string; readonly ending: Ending }> {
  const handle = handleOf(assertion);
  const id = `workflow ${handle.workflowId}`;
  try {
    return { id, ending: { result: await handle.result() } };
  } catch (error) {
    return { id, ending: { error } };
  }
}

function handleOf(assertion: Chai.Assertion): WorkflowHandle {
  const value = inner(assertion)._obj as WorkflowHandle | undefined;
  if (typeof value?.result !== 'function' || typeof value.workflowId !== 'string')
    throw new TypeError(`${inspect(value, { depth: 0 })} is no handle of a workflow`);
  return value;
}

function summary(error: unknown): string {
  const { code, message } = error as { code?: unknown; message?: unknown };
  return `${typeof code === 'string' ? `${code}: ` : ''}${String(message ?? error)}`;
}

export async function checkComplete(assertion: Chai.Assertion, expected?: { readonly result: unknown }): Promise<void> {
  const { id, ending } = await endingOf(assertion);
  const { assert } = bound(assertion);
  if ('error' in ending) return assert(false, `expected ${id} to complete, but it failed with ${summary(ending.error)}`, `expected ${id} not to complete`);
  if (expected === undefined) return assert(true, '', `expected ${id} not to complete, but it did with ${inspect(ending.result)}`);
  assert(
    equal(ending.result, expected.result),
    `expected ${id} to complete with #{exp}, but it did with #{act}`,
    `expected ${id} not to complete with #{exp}`,
    expected.result,
    ending.result,
    true,
  );
}

export async function checkFail(assertion: Chai.Assertion, expected?: { readonly error: ExpectedError }): Promise<void> {
  const { id, ending } = await endingOf(assertion);
  const { assert } = bound(assertion);
  if (!('error' in ending)) return assert(false, `expected ${id} to fail, but it completed with ${inspect(ending.result)}`, `expected ${id} not to fail`);
  const { error } = ending;
  if (expected === undefined) return assert(true, '', `expected ${id} not to fail, but it did with ${summary(error)}`);
  const wanted = expected.error;
  if (typeof wanted === 'object' && !(wanted instanceof RegExp)) {
    const found = Object.fromEntries(Object.keys(wanted).map((key) => [key, (error as Record<string, unknown>)[key]]));
    return assert(
      equal(found, wanted),
      `expected ${id} to fail with #{exp}, but its error has #{act}`,
      `expected ${id} not to fail with #{exp}`,
      wanted,
      found,
      true,
    );
  }
  const name = typeof wanted === 'function' ? wanted.name : inspect(wanted);
  assert(
    isSuch(error, wanted),
    `expected ${id} to fail with ${name}, but it failed with ${summary(error)}`,
    `expected ${id} not to fail with ${name}, but it did with ${summary(error)}`,
  );
}

function isSuch(error: unknown, wanted: Exclude<ExpectedError, Record<string, unknown>>): boolean {
  const { code, name, message = String(error) } = error as { code?: unknown; name?: unknown; message?: string };
  if (typeof wanted === 'string') return code === wanted || message.includes(wanted);
  if (wanted instanceof RegExp) return wanted.test(message);
  // An error that was stored has its class only if that is registered; its name it has always.
  return error instanceof (wanted as abstract new () => Error) || name === (wanted as { name: string }).name;
}

export async function checkSteps(assertion: Chai.Assertion, names: readonly string[]): Promise<void> {
  const handle = handleOf(assertion);
  const found = (await handle.steps()).map((step) => step.name);
  bound(assertion).assert(
    equal(found, names),
    `expected workflow ${handle.workflowId} to have the steps #{exp}, but it has #{act}`,
    `expected workflow ${handle.workflowId} not to have the steps #{exp}`,
    names,
    found,
    true,
  );
}

export async function checkRun(
  assertion: Chai.Assertion,
  service: Type,
  method: string,
  expected: { readonly times?: number; readonly args?: readonly unknown[] },
): Promise<void> {
  const kit = kitOf(inner(assertion)._obj);
  if (kit === undefined) throw new TypeError(`${inspect(inner(assertion)._obj, { depth: 0 })} is no app of createTestApp()`);
  const runs = kit.runsOf(service, method);
  const name = `${service.name}.${method}`;
  const { assert } = bound(assertion);
  const ran = `it ran ${times(runs.length)}`;
  if (expected.args !== undefined) {
    return assert(
      runs.some((args) => equal(args, expected.args)),
      `expected ${name} to have run with #{exp}, but ${ran}, with #{act}`,
      `expected ${name} not to have run with #{exp}`,
      expected.args,
      runs.length === 1 ? runs[0] : runs,
      true,
    );
  }
  if (expected.times !== undefined)
    return assert(
      runs.length === expected.times,
      `expected ${name} to have run ${times(expected.times)}, but ${ran}`,
      `expected ${name} not to have run ${times(expected.times)}`,
      expected.times,
      runs.length,
      false,
    );
  assert(runs.length > 0, `expected ${name} to have run`, `expected ${name} not to have run, but ${ran}`);
}

function times(count: number): string {
  return count === 0 ? 'never' : count === 1 ? 'once' : `${count} times`;
}

function bound(assertion: Chai.Assertion): Pick<Inner, 'assert'> {
  const it = inner(assertion);
  return { assert: (...args) => it.assert(...args) };
}

function equal(a: unknown, b: unknown): boolean {
  return chai.util.eql(a, b);
}
