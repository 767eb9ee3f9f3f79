import { expect } from 'chai';
import { spawnSync } from 'node:child_process';
import { chmod, chown, cp, lstat, mkdir, readFile, rm, symlink } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { ensureLinks, findBinaries, locateNative } from '@apiary/embedded/internal';
import { isRoot, ordinary } from './support/account.js';
import { cleanUp, freshFolder } from './support/project.js';

interface Link {
  source: string;
  target: string;
}

describe('the binaries', () => {
  let folder: string;
  let native: string;
  let links: Link[];
  const { folder: installed, version } = locateNative();

  beforeEach(async () => {
    folder = await freshFolder();
    native = join(folder, 'package', 'native');
    await cp(installed, native, { recursive: true, verbatimSymlinks: true, filter: (path) => !path.endsWith('.a') });
    links = (JSON.parse(await readFile(join(native, 'pg-symlinks.json'), 'utf8')) as Link[]).map(({ source, target }) => ({
      source: join(native, '..', source),
      target: join(native, '..', target),
    }));
    for (const { target } of links) await rm(target, { force: true }); // as the registry's package comes, without its install script
  });
  afterEach(cleanUp);

  const initdb = (environment: NodeJS.ProcessEnv = {}): number | null => spawnSync(join(native, 'bin', 'initdb'), ['--version'], { env: environment }).status;

  it('do not run without the links among their libraries', () => {
    expect(initdb()).not.to.equal(0);
  });

  it('get the links that are missing, from many callers at once, and only those', async () => {
    const [first] = links as [Link];
    await symlink(basename(first.source), first.target);
    const before = await lstat(first.target);
    await Promise.all(Array.from({ length: 8 }, () => ensureLinks(native, join(folder, 'lib'))));
    expect(initdb()).to.equal(0);
    expect((await lstat(first.target)).ino).to.equal(before.ino);
    expect(await lstat(join(folder, 'lib')).catch(() => undefined)).to.equal(undefined);
  });

  it('get links in place of those that lead nowhere', async () => {
    for (const { target } of links) await symlink('gone.so', target);
    expect(await ensureLinks(native, join(folder, 'lib'))).to.equal(undefined);
    expect(initdb()).to.equal(0);
  });

  it('get a folder of links of their own when theirs cannot be written', async () => {
    await chmod(join(native, 'lib'), 0o555);
    const writable = join(folder, 'writable');
    await mkdir(writable);
    if (ordinary) await chown(writable, ordinary.uid, ordinary.gid);
    const spare = join(writable, 'lib');
    // Root may write anywhere: the ordinary account looks instead.
    const script = `import { ensureLinks } from ${JSON.stringify(import.meta.resolve('@apiary/embedded/internal'))};
      process.setgid?.(${ordinary?.gid ?? process.getgid?.()}); process.setuid?.(${ordinary?.uid ?? process.getuid?.()});
      console.log(await ensureLinks(${JSON.stringify(native)}, ${JSON.stringify(spare)}).catch((error) => error.message));`;
    const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', script], { encoding: 'utf8', cwd: '/' });
    expect(stderr).to.equal('');
    const path = stdout.trim();
    expect(path).to.equal(`${spare}:${join(native, 'lib')}`);
    expect(initdb()).not.to.equal(0);
    expect(initdb({ LD_LIBRARY_PATH: path })).to.equal(0);
    await chmod(join(native, 'lib'), 0o755); // so that it can be removed
  });

  it('are found, with their major version', async () => {
    expect(await findBinaries(folder, undefined, { folder: native, version })).to.include({ major: '18', postgres: join(native, 'bin', 'postgres') });
  });

  it('that are damaged are named with what to do', async () => {
    await rm(join(native, 'lib', 'libicudata.so.60.2'));
    const error = (await findBinaries(folder, undefined, { folder: native, version }).catch((reason: unknown) => reason)) as Error;
    expect(error).to.include({ code: 'EMBEDDED_START' });
    expect(error.message).to.match(/libicudata.*DATABASE_URL/s);
  });

  it('below a folder that the server’s account cannot enter are copied to where it can, once', async function () {
    if (!isRoot || !ordinary) return this.skip();
    await chmod(join(folder, 'package'), 0o700);
    const test = { folder: native, version: `test-${process.pid}` };
    const binaries = await findBinaries(folder, ordinary, test);
    const copy = join(binaries.postgres, '..', '..', '..');
    try {
      expect(binaries.postgres).not.to.include(folder);
      expect(binaries.major).to.equal('18');
      const { ino } = await lstat(copy);
      expect((await findBinaries(folder, ordinary, test)).postgres).to.equal(binaries.postgres);
      expect((await lstat(copy)).ino).to.equal(ino);
    } finally {
      await rm(copy, { recursive: true, force: true });
    }
  });
});
