/** What the documents say about files, and the code they show. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { expect } from 'chai';
import { root } from '../scripts/tools.mjs';
import { installed, tsc } from './support/installed.mjs';

const skipped = new Set(['node_modules', 'dist', '.git', '.apiary', 'peers']);
function* below(folder) {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    if (skipped.has(entry.name)) continue;
    const path = join(folder, entry.name);
    if (entry.isDirectory()) yield* below(path);
    else if (entry.isFile()) yield path;
  }
}
const files = [...below(root)];
const documents = files.filter((path) => path.endsWith('.md')).map((path) => ({ path, name: relative(root, path), text: readFileSync(path, 'utf8') }));
const withoutCode = (text) => text.replace(/^```[\s\S]*?^```/gm, '').replace(/`[^`\n]*`/g, '');
/** As GitHub makes them. */
const anchors = (text) =>
  [...text.replace(/^```[\s\S]*?^```/gm, '').matchAll(/^#+ (.*)$/gm)].map(([, title]) =>
    title
      .toLowerCase()
      .replace(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  );

describe('the documents', function () {
  this.timeout(600_000);

  it('are there', () => {
    expect(documents.map(({ name }) => name)).to.include.members([
      'README.md',
      'ARCHITECTURE.md',
      'CONTRIBUTING.md',
      'CHANGELOG.md',
      'docs/guide.md',
      'docs/errors.md',
    ]);
  });

  it('link to what exists', () => {
    const broken = [];
    let links = 0;
    for (const { path, name, text } of documents) {
      for (const [, target] of withoutCode(text).matchAll(/\]\(([^)\s]+)\)/g)) {
        if (/^[a-z]+:/.test(target)) continue;
        links++;
        const [file, anchor] = target.split('#');
        const at = file === '' ? path : resolve(dirname(path), decodeURIComponent(file));
        if (!existsSync(at) || (file !== '' && file.endsWith('/') && !statSync(at).isDirectory())) broken.push(`${name}: ${target}`);
        else if (anchor !== undefined && at.endsWith('.md') && !anchors(readFileSync(at, 'utf8')).includes(anchor))
          broken.push(`${name}: ${target}: no such heading`);
      }
    }
    expect(links).to.be.above(15);
    expect(broken).to.deep.equal([]);
  });

  it('name source files that exist', () => {
    const missing = [];
    for (const { name, text } of documents) {
      for (const [file] of text.matchAll(/(?<![\w./@-])(?:packages|examples|scripts|test)\/[\w./-]*\w/g))
        if (!file.includes('/.apiary') && !existsSync(join(root, file))) missing.push(`${name}: ${file}`);
      if (!['ARCHITECTURE.md', 'CONTRIBUTING.md'].includes(name)) continue;
      for (const [file] of text.matchAll(/(?<![\w.*/@-])[\w./-]+\.(?:ts|mjs|cjs|md|json)(?!\w)/g)) {
        if (!files.some((path) => path.endsWith(`/${file.replace(/^\.?\//, '')}`))) missing.push(`${name}: ${file}`);
      }
    }
    expect(missing).to.deep.equal([]);
  });

  it('name scripts that exist', () => {
    const scriptsOf = (folder) => JSON.parse(readFileSync(join(root, folder, 'package.json'), 'utf8')).scripts;
    const missing = [];
    for (const { name, text } of documents) {
      if (!/^[A-Z]+\.md$|^docs\//.test(name)) continue;
      for (const [command, script, of = ''] of text.matchAll(/npm run ([\w:-]+)(?: -w @apiary\/(\w+))?/g)) {
        if (scriptsOf(of === '' ? '.' : `packages/${of}`)[script] === undefined) missing.push(`${name}: ${command}`);
      }
    }
    expect(missing).to.deep.equal([]);
  });

  /**
   * Before a block stands what the reader need not see: `<!-- compile ... -->`. The block comes after it, or in the place of `/* here *\/` in it.
   */
  it('show code that compiles', async () => {
    const user = await installed();
    const folder = join(user.folder, 'documents');
    mkdirSync(folder);
    writeFileSync(join(folder, 'package.json'), JSON.stringify({ type: 'module' }));
    const compilerOptions = { noEmit: true, noUncheckedIndexedAccess: true, exactOptionalPropertyTypes: true };
    writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify({ extends: '@apiary/core/tsconfig.json', compilerOptions }));
    let blocks = 0;
    for (const { name, text } of documents) {
      for (const found of text.matchAll(/^<!-- compile\b([^]*?)-->\n```ts\n([^]*?)^```/gm)) {
        const [, before = '', code = ''] = found;
        const line = text.slice(0, found.index).split('\n').length;
        const whole = before.includes('/* here */') ? before.replace('/* here */', () => code) : `${before}\n${code}`;
        writeFileSync(join(folder, `${name.replaceAll(/[^\w]/g, '-')}-${line}.ts`), `${whole}\nexport {};\n`);
        blocks++;
      }
    }
    expect(blocks).to.be.above(5);
    const { stdout } = tsc(user.folder, ['-p', 'documents']);
    expect(stdout).to.equal('');
  });

  it('and the files of the repository name no machine of ours', function () {
    if (!existsSync(join(root, '.git'))) this.skip();
    const tracked = execFileSync('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], { cwd: root, encoding: 'utf8' })
      .split('\0')
      .filter(Boolean);
    const named = [];
    for (const file of tracked) {
      if (!existsSync(join(root, file)) || statSync(join(root, file)).size > 2 ** 20) continue;
      for (const [index, line] of readFileSync(join(root, file), 'utf8').split('\n').entries())
        if (/(?<![\w.-])\/(work|home\/\w+|root)\/\w/.test(line)) named.push(`${file}:${index + 1}`);
    }
    expect(named).to.deep.equal([]);
  });
});
