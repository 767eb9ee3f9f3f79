import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { until } from './until.js';

const root = '/sys/fs/cgroup';
/** Of the processor: microseconds in which a share is given. */
const periodUs = 100_000;

/** Where the kernel's two versions of control groups keep things. */
interface Layout {
  readonly folders: readonly string[];
  readonly procs: string;
  readonly freeze: { readonly file: string; readonly on: string; readonly off: string; readonly state: string; readonly frozen: RegExp };
  readonly memory: { readonly file: string; readonly kills: string };
  readonly cpu: { readonly file: string; readonly text: (us: number) => string; readonly unlimited: string; readonly throttled: string };
}

function layout(name: string): Layout {
  if (existsSync(join(root, 'cgroup.controllers'))) {
    const folder = join(root, name);
    const at = (file: string): string => join(folder, file);
    return {
      folders: [folder],
      procs: 'cgroup.procs',
      freeze: { file: at('cgroup.freeze'), on: '1', off: '0', state: at('cgroup.events'), frozen: /^frozen 1$/m },
      memory: { file: at('memory.max'), kills: at('memory.events') },
      cpu: { file: at('cpu.max'), text: (us) => `${us} ${periodUs}`, unlimited: `max ${periodUs}`, throttled: at('cpu.stat') },
    };
  }
  const [freezer, memory, cpu] = ['freezer', 'memory', 'cpu'].map((controller) => join(root, controller, name)) as [string, string, string];
  return {
    folders: [freezer, memory, cpu],
    procs: 'cgroup.procs',
    freeze: { file: join(freezer, 'freezer.state'), on: 'FROZEN', off: 'THAWED', state: join(freezer, 'freezer.state'), frozen: /^FROZEN$/m },
    memory: { file: join(memory, 'memory.limit_in_bytes'), kills: join(memory, 'memory.oom_control') },
    cpu: { file: join(cpu, 'cpu.cfs_quota_us'), text: String, unlimited: '-1', throttled: join(cpu, 'cpu.stat') },
  };
}

let made = 0;

/** Processes that the kernel holds back: they stand still, may have little memory, or little of a processor. Linux, as root. */
export class ControlGroup implements Disposable {
  readonly #layout: Layout;

  private constructor(name: string) {
    this.#layout = layout(name);
    try {
      for (const folder of this.#layout.folders) mkdirSync(folder);
    } catch (error) {
      this[Symbol.dispose]();
      throw error;
    }
  }

  static make(): ControlGroup {
    return new ControlGroup(`apiary-${process.pid}-${++made}`);
  }

  /** Why there can be none here; undefined if there can. */
  static missing(): string | undefined {
    try {
      const group = ControlGroup.make();
      const { freeze, memory, cpu } = group.#layout;
      const absent = [freeze.file, memory.file, cpu.file].filter((file) => !existsSync(file));
      group[Symbol.dispose]();
      return absent.length === 0 ? undefined : `no control groups with these controllers here: ${absent.join(', ')}`;
    } catch (error) {
      return `control groups cannot be made here: ${String(error).split('\n')[0]}`;
    }
  }

  add(pid: number): void {
    for (const folder of this.#layout.folders) writeFileSync(join(folder, this.#layout.procs), String(pid));
  }

  /** Resolves when none of its threads runs any more. They do not see it, unlike a signal. */
  async freeze(): Promise<void> {
    const { file, on, state, frozen } = this.#layout.freeze;
    writeFileSync(file, on);
    await until('the group is frozen', () => frozen.test(readFileSync(state, 'utf8')));
  }

  thaw(): void {
    writeFileSync(this.#layout.freeze.file, this.#layout.freeze.off);
  }

  /** Beyond it the kernel kills (SIGKILL). */
  limitMemory(bytes: number): void {
    writeFileSync(this.#layout.memory.file, String(bytes));
  }

  /** How many the kernel killed for their memory. */
  get killedForMemory(): number {
    return numberIn(this.#layout.memory.kills, 'oom_kill');
  }

  /** A share of one processor, 0.1 for a tenth; undefined: as much as there is. */
  limitCpu(share: number | undefined): void {
    const { file, text, unlimited } = this.#layout.cpu;
    writeFileSync(file, share === undefined ? unlimited : text(Math.round(share * periodUs)));
  }

  /** Periods of a tenth of a second in which it had used up its share. */
  get throttled(): number {
    return numberIn(this.#layout.cpu.throttled, 'nr_throttled');
  }

  /** When its processes have ended; may be tried again. */
  [Symbol.dispose](): void {
    for (const folder of this.#layout.folders) if (existsSync(folder)) rmdirSync(folder);
  }
}

function numberIn(file: string, name: string): number {
  return Number(new RegExp(`^${name} (\\d+)$`, 'm').exec(readFileSync(file, 'utf8'))?.[1] ?? 0);
}
