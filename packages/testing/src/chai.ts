/** `import '@apiary/testing/chai'`: assertions on handles and apps. All are asynchronous; one not awaited fails when its app is disposed. */
import type { MethodOf, Type } from '@apiary/core';
import * as chai from 'chai';
import { checkComplete, checkFail, checkRun, checkSteps, type ExpectedError } from './chai/checks.js';
import { Awaited } from './chai/awaited.js';
import { kitOf } from './kit/kit.js';

declare global {
  namespace Chai {
    interface Assertion {
      /** On a handle: ends in SUCCESS. */
      complete: PromiseLike<void> & { with(result: unknown): Promise<void> };
      /** On a handle: ends otherwise; by code, by text of the message, by class or by the fields given. */
      fail: PromiseLike<void> & { with(error: string | RegExp | (abstract new (...args: never[]) => Error) | Record<string, unknown>): Promise<void> };
      /** On a handle: these functions, `'Accounts.debit'`, in this order. */
      steps(names: readonly string[]): Promise<void>;
      /** On an app: the method ran. */
      run<C extends Type>(
        service: C,
        method: MethodOf<C>,
      ): PromiseLike<void> & { times(count: number): Promise<void>; with(...args: readonly unknown[]): Promise<void> };
    }
  }
}

chai.use(({ Assertion }) => {
  Assertion.addProperty('complete', function (this: Chai.AssertionStatic) {
    const assertion = this as unknown as Chai.Assertion;
    const complete = begin(assertion, 'expect(handle).to.complete', () => checkComplete(assertion));
    return Object.assign(complete, {
      with: (result: unknown) => complete.instead('expect(handle).to.complete.with(...)', () => checkComplete(assertion, { result })),
    });
  });
  Assertion.addProperty('fail', function (this: Chai.AssertionStatic) {
    const assertion = this as unknown as Chai.Assertion;
    const fail = begin(assertion, 'expect(handle).to.fail', () => checkFail(assertion));
    return Object.assign(fail, { with: (error: ExpectedError) => fail.instead('expect(handle).to.fail.with(...)', () => checkFail(assertion, { error })) });
  });
  Assertion.addMethod('steps', function (this: Chai.AssertionStatic, names: readonly string[]) {
    const assertion = this as unknown as Chai.Assertion;
    return begin(assertion, 'expect(handle).to.have.steps(...)', () => checkSteps(assertion, names));
  });
  Assertion.addMethod('run', function (this: Chai.AssertionStatic, service: Type, method: string) {
    const assertion = this as unknown as Chai.Assertion;
    const text = `expect(app).to.have.run(${service.name}, '${method}')`;
    const run = begin(assertion, text, () => checkRun(assertion, service, method, {}));
    return Object.assign(run, {
      times: (count: number) => run.instead(`${text}.times(${count})`, () => checkRun(assertion, service, method, { times: count })),
      with: (...args: readonly unknown[]) => run.instead(`${text}.with(...)`, () => checkRun(assertion, service, method, { args })),
    });
  });
});

function begin(assertion: Chai.Assertion, text: string, check: () => Promise<void>): Awaited {
  return new Awaited(text, check, kitOf((assertion as unknown as { _obj: unknown })._obj)?.unawaited);
}
