import { expect } from 'chai';
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

// The sources, not what is built from them: the mistakes are not built.
const folder = fileURLToPath(new URL('../../messages', import.meta.url));
const compiler = join(dirname(createRequire(import.meta.url).resolve('typescript/package.json')), 'bin', 'tsc');

describe('the compiler', () => {
  it('says in words what is wrong with a decorated method or parameter, and finds nothing else wrong', () => {
    const lines = readFileSync(join(folder, 'mistakes.ts'), 'utf8').split('\n');
    const expected = lines.flatMap((line, index) => (line.includes('// says: ') ? [{ line: index + 2, words: line.split('// says: ')[1]! }] : []));
    const { stdout } = spawnSync(process.execPath, [compiler, '-p', folder, '--pretty', 'false'], { encoding: 'utf8' });
    const found = stdout
      .split(/^(?=\S)/m)
      .map((text) => ({ line: Number(/^mistakes\.ts\((\d+),|\/mistakes\.ts\((\d+),/.exec(text)?.slice(1).find(Boolean)), text }));
    expect(expected).to.have.length.greaterThan(15);
    expect(
      found.map(({ line }) => line),
      stdout,
    ).to.deep.equal(expected.map(({ line }) => line));
    for (const [index, { words }] of expected.entries()) expect(found[index]?.text).to.contain(`"${words}"`);
  });
});
