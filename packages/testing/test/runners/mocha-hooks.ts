/** `mocha --require mocha-hooks.js`: each test has an app of its own as `this.app`. */
import { createTestApp, type TestApp } from '@apiary/testing';
import { Counter, migrations } from './counter.js';

declare module 'mocha' {
  interface Context {
    app: TestApp;
  }
}

export const mochaHooks: Mocha.RootHookObject = {
  async beforeEach(this: Mocha.Context) {
    this.app = await createTestApp({ services: [Counter], migrations });
  },
  async afterEach(this: Mocha.Context) {
    await this.app[Symbol.asyncDispose]();
  },
};
