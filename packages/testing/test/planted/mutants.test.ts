import { existsSync } from 'node:fs';
import { mutants, Workspace } from '@apiary/testing/internal';
import { expect } from 'chai';

/** Running them takes `npm run planted`; here, that each can still be planted. */
describe('the planted bugs of the engine', function () {
  this.timeout(60_000);
  let workspace: Workspace;
  before(() => {
    workspace = Workspace.create(['core']);
  });
  after(() => workspace.remove());

  it('have names of their own', () => {
    expect(new Set(mutants.map(({ name }) => name)).size).equal(mutants.length);
    expect(mutants.length).greaterThan(44);
  });

  it('can be planted: each text to replace is there exactly once, and so is the test that has to find it', () => {
    const problems: string[] = [];
    for (const { name, edits, killer } of mutants) {
      try {
        for (const { file, text, by } of edits) workspace.replace(file, text, by);
        if (!existsSync(workspace.test(killer.file))) problems.push(`${name}: there is no test ${killer.file}`);
      } catch (error) {
        problems.push(`${name}: ${String(error)}`);
      }
      workspace.restore();
    }
    expect(problems).deep.equal([]);
  });

  it('a text that is not there, or more than once, is refused', () => {
    expect(() => workspace.replace('core/recovery/lease.js', 'no such text', '')).throw('has not');
    expect(() => workspace.replace('core/recovery/lease.js', 'this', '')).throw('more than once');
    workspace.replace('core/recovery/lease.js', 'isLive() {', 'isLive() { /* planted */');
    workspace.restore();
    expect(() => workspace.replace('core/recovery/lease.js', '/* planted */', '')).throw('has not');
  });
});
