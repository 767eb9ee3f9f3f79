import type { Anomaly } from './anomaly.js';
import type { Element } from './history.js';

export interface SetAdd {
  readonly value: Element;
  readonly status: 'ok' | 'fail' | 'unknown';
  readonly begin: number;
  readonly end: number;
}
export interface SetRead {
  readonly values: readonly Element[];
  readonly begin: number;
  readonly end: number;
}

/**
 * Each element whose adding was acknowledged must be in every read that begins after the acknowledgement, and once. An element that no later
 * read shows is lost; one that a read misses and a later one shows was read stale.
 */
export function checkSet(adds: readonly SetAdd[], reads: readonly SetRead[]): readonly Anomaly[] {
  const ordered = [...reads].sort((a, b) => a.begin - b.begin).map((read) => ({ read, values: new Set(read.values) }));
  return [...checkAdded(adds, ordered), ...checkShown(adds, ordered)];
}

type OrderedReads = readonly { readonly read: SetRead; readonly values: ReadonlySet<Element> }[];

function checkAdded(adds: readonly SetAdd[], ordered: OrderedReads): Anomaly[] {
  const found: Anomaly[] = [];
  for (const add of adds) {
    if (add.status === 'fail') {
      if (ordered.some(({ values }) => values.has(add.value)))
        found.push({ kind: 'G1a', transactions: [add.value], detail: `${String(add.value)} was refused and can be read` });
      continue;
    }
    if (add.status !== 'ok') continue;
    const after = ordered.filter(({ read }) => read.begin > add.end);
    const missing = after.filter(({ values }) => !values.has(add.value)).length;
    if (missing === 0) continue;
    const lost = after.at(-1)?.values.has(add.value) !== true;
    const detail = `${String(add.value)} was acknowledged; ${missing} of ${after.length} later reads do not show it${lost ? ', the last one neither' : ''}`;
    found.push({ kind: lost ? 'lost append' : 'stale read', transactions: [add.value], detail });
  }
  return found;
}

function checkShown(adds: readonly SetAdd[], ordered: OrderedReads): Anomaly[] {
  const known = new Set(adds.map((add) => add.value));
  const found = new Map<string, Anomaly>();
  for (const { read, values } of ordered) {
    for (const value of values) {
      if (!known.has(value)) found.set(`unknown ${String(value)}`, { kind: 'unknown element', transactions: [], detail: `nobody added ${String(value)}` });
    }
    if (values.size === read.values.length) continue;
    const twice = read.values.find((value, i) => read.values.indexOf(value) !== i);
    found.set(`twice ${String(twice)}`, { kind: 'duplicated effect', transactions: [], detail: `${String(twice)} stands twice in one read` });
  }
  return [...found.values()];
}
