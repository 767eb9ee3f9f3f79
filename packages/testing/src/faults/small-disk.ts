import { execFileSync } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, readFileSync, rmdirSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { processAlive } from './sigstop.js';

const prefix = 'apiary-small-disk-';
const block = Buffer.alloc(64 << 10);
const mounted = new Set<string>();
process.once('exit', () => {
  for (const path of mounted) unmount(path);
});

/** A file system in memory that can be filled to the last byte, and freed. Needs root. */
export class SmallDisk implements AsyncDisposable {
  readonly path: string;

  private constructor(path: string) {
    this.path = path;
  }

  /** Why there can be none here; undefined if there can. */
  static missing(): string | undefined {
    try {
      const disk = SmallDisk.mount(1);
      unmount(disk.path);
      return undefined;
    } catch (error) {
      return `a tmpfs cannot be mounted here: ${String(error).split('\n')[0]}`;
    }
  }

  /** @throws Error if this process may not mount */
  static mount(megabytes: number): SmallDisk {
    unmountLeftovers();
    const path = mkdtempSync(join(tmpdir(), `${prefix}${process.pid}-`));
    try {
      execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${megabytes}m,mode=1777`, 'tmpfs', path], { stdio: 'pipe' });
    } catch (error) {
      rmdirSync(path);
      throw error;
    }
    mounted.add(path);
    return new SmallDisk(path);
  }

  /** Takes all that is free now. What others free later can be taken by another call. */
  fill(): void {
    const file = openSync(join(this.path, 'filler'), 'a');
    try {
      for (let size = block.length; size > 0;) {
        try {
          writeSync(file, block, 0, size);
        } catch (error) {
          if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
          size >>= 1;
        }
      }
    } finally {
      closeSync(file);
    }
  }

  free(): void {
    rmSync(join(this.path, 'filler'), { force: true });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    unmount(this.path);
  }
}

function unmount(path: string): void {
  mounted.delete(path);
  // lazily: whoever still has a file open there holds up nobody
  execFileSync('umount', ['-l', path], { stdio: 'pipe' });
  rmdirSync(path);
}

/** Of processes that were killed. */
function unmountLeftovers(): void {
  for (const line of readFileSync('/proc/mounts', 'utf8').split('\n')) {
    const path = line.split(' ')[1] ?? '';
    const pid = new RegExp(`/${prefix}(\\d+)-`).exec(path)?.[1];
    if (pid !== undefined && !processAlive(Number(pid))) unmount(path);
  }
}
