/**
 * Groups that met a lock of somebody else's. Each tries again by and by, alone, while all others go on; what follows it of the same
 * workflows waits behind it, so that the order of a workflow's groups stays.
 */
import { after, type Alarm } from '../clock.js';
import { shares, workflowsOf, type Group } from './group.js';

const firstMs = 1000;
const mostMs = 8000;

interface Entry {
  readonly group: Group;
  readonly workflows: ReadonlySet<string>;
  readonly behind: Group[];
  alarm: Alarm | undefined;
}

export class SetAside {
  readonly #again: (group: Group, behind: readonly Group[]) => void;
  readonly #entries = new Set<Entry>();
  /** How long the next pause of a group is, from its second one on. */
  readonly #pauses = new WeakMap<Group, number>();

  /** @param again takes a group back, to be sent before those behind it */
  constructor(again: (group: Group, behind: readonly Group[]) => void) {
    this.#again = again;
  }

  get size(): number {
    return this.#entries.size;
  }

  /** It met a lock before: it is sent alone, so that it holds up nobody but itself. */
  isMarked(group: Group): boolean {
    return this.#pauses.has(group);
  }

  add(group: Group): void {
    const pause = this.#pauses.get(group) ?? firstMs;
    this.#pauses.set(group, Math.min(mostMs, pause * 2));
    const entry: Entry = { group, workflows: workflowsOf([group]), behind: [], alarm: undefined };
    entry.alarm = after(pause, () => {
      this.#entries.delete(entry);
      this.#again(group, entry.behind);
    });
    this.#entries.add(entry);
  }

  /** True if the group has to wait behind one of them: it is kept here then. */
  keeps(group: Group): boolean {
    if (this.#entries.size === 0) return false;
    for (const entry of this.#entries) {
      if (!shares(group, entry.workflows)) continue;
      entry.behind.push(group);
      return true;
    }
    return false;
  }

  /** Gives all of them up. */
  takeAll(): Group[] {
    const all: Group[] = [];
    for (const entry of this.#entries) {
      entry.alarm?.cancel();
      all.push(entry.group, ...entry.behind);
    }
    this.#entries.clear();
    return all;
  }
}
