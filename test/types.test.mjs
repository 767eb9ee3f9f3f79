/** The types of the installed packages: samples and equalities compile, mistakes do not and are told in words. */
import { cpSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { root } from '../scripts/tools.mjs';
import { installed, older, tsc } from './support/installed.mjs';

describe('the types of the installed packages', function () {
  this.timeout(600_000);
  let user;
  before(async () => {
    user = await installed();
    cpSync(join(root, 'test', 'types'), join(user.folder, 'types'), { recursive: true });
  });

  for (const compiler of ['typescript', older]) {
    it(`hold samples, equalities and mistakes: ${compiler === older ? 'TypeScript 5.9' : 'the compiler of the repository'}`, function () {
      if (compiler === older && !user.hasOlder) this.skip();
      const { status, stdout } = tsc(user.folder, ['-p', 'types'], compiler);
      expect([status, stdout]).to.deep.equal([0, '']);
    });
  }

  it('tell a mistake in the words noted beside it', () => {
    const folder = join(user.folder, 'words');
    mkdirSync(folder);
    cpSync(join(user.folder, 'types'), folder, { recursive: true });
    const path = join(folder, 'negatives.ts');
    const lines = readFileSync(path, 'utf8').split('\n');
    writeFileSync(path, lines.map((line) => line.replace('@ts-expect-error', '')).join('\n'));
    const { stdout } = tsc(user.folder, ['-p', 'words']);
    const told = new Map();
    for (const [, line, message] of stdout.matchAll(/negatives\.ts\((\d+),\d+\): (error(?:.|\n(?= ))*)/g))
      told.set(Number(line), `${told.get(Number(line)) ?? ''}${message}\n`);
    let worded = 0;
    for (const [index, line] of lines.entries()) {
      const words = /@ts-expect-error '(.*)'$/.exec(line)?.[1];
      if (words === undefined) continue;
      worded++;
      expect(told.get(index + 2) ?? 'nothing', `line ${index + 2}`).to.include(words);
    }
    expect(worded, 'mistakes with words of ours').to.be.above(15);
  });
});

describe('the public types', () => {
  /** Declarations that users see, and what those name. */
  const folders = ['decorators', 'core', 'embedded', 'testing'].map((name) => join(root, 'packages', name, 'dist'));

  it('hold no `any`', () => {
    const found = [];
    let read = 0;
    for (const folder of folders) {
      for (const file of readdirSync(folder, { recursive: true }).filter((name) => name.endsWith('.d.ts'))) {
        read++;
        const code = withoutCommentsAndTexts(readFileSync(join(folder, file), 'utf8'));
        for (const [index, line] of code.split('\n').entries()) if (/(?<![.\w])any(?![\w(])/.test(line)) found.push(`${file}:${index + 1}: ${line.trim()}`);
      }
    }
    expect(read).to.be.above(100);
    expect(found).to.deep.equal([]);
  });

  it('keep what is the engine’s own out of sight', () => {
    const declarations = withoutCommentsAndTexts(readFileSync(join(folders[1], 'app.d.ts'), 'utf8') + readFileSync(join(folders[0], 'errors.d.ts'), 'utf8'));
    expect(declarations)
      .to.match(/declare class Apiary /)
      .and.match(/declare class ApiaryError</);
    expect(declarations).to.not.match(/\brunning\b|static create/);
    expect(declarations.match(/private constructor\(\)/g)).to.have.length(2);
  });
});

function withoutCommentsAndTexts(code) {
  return code.replace(/\/\*[\s\S]*?\*\/|\/\/.*$|'(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*"/gm, (text) => text.replace(/[^\n]/g, ' '));
}
