import type { Anomaly, AnomalyKind } from './anomaly.js';
import { components } from './components.js';
import type { DependencyGraph, Edge, EdgeKind } from './edges.js';

/** Classes from the gravest to the mildest: a cycle has one edge of the needed kind, and is else made of the free kinds. */
const classes: readonly { readonly kind: AnomalyKind; readonly needs: EdgeKind; readonly free: readonly EdgeKind[] }[] = [
  { kind: 'G0', needs: 'ww', free: ['ww'] },
  { kind: 'G1c', needs: 'wr', free: ['ww', 'wr'] },
  { kind: 'G-single', needs: 'rw', free: ['ww', 'wr'] },
  { kind: 'G2', needs: 'rw', free: ['ww', 'wr', 'rw'] },
];
const timeKinds: readonly EdgeKind[] = ['rt', 'po'];

/**
 * The cycles of a history: for each strongly connected component the gravest class, with a shortest cycle of it. First without the order in
 * time; where that gives none, with it.
 */
export function findCycles(graph: DependencyGraph): Anomaly[] {
  const found: Anomaly[] = [];
  const caught = new Set<number>();
  for (const realTime of [false, true]) {
    const usable: readonly EdgeKind[] = realTime ? ['ww', 'wr', 'rw', ...timeKinds] : ['ww', 'wr', 'rw'];
    for (const members of components(graph.transactions.length, (node) => successors(graph, node, usable))) {
      // a component that the first round has named is not named again
      if (members.some((member) => caught.has(member))) continue;
      const anomaly = classify(graph, new Set(members), realTime);
      if (anomaly === undefined) continue;
      found.push(anomaly);
      for (const member of members) caught.add(member);
    }
  }
  return found;
}

function* successors(graph: DependencyGraph, node: number, kinds: readonly EdgeKind[]): Iterable<number> {
  for (const [to, found] of graph.after[node] ?? []) if (kinds.some((kind) => found.has(kind))) yield to;
}

function classify(graph: DependencyGraph, members: ReadonlySet<number>, realTime: boolean): Anomaly | undefined {
  for (const { kind, needs, free } of classes) {
    const allowed = realTime ? [...free, ...timeKinds] : free;
    const cycle = shortestCycle(graph, cyclic(graph, members, [needs, ...allowed]), needs, allowed);
    if (cycle === undefined) continue;
    return {
      kind,
      ...(realTime ? { realTime } : {}),
      transactions: cycle.map((edge) => edge.from),
      detail:
        cycle.map((edge) => `${String(edge.from)} -${edge.kind}${edge.key === undefined ? '' : `(${String(edge.key)})`}-> `).join('') + String(cycle[0]?.from),
      cycle,
    };
  }
  return undefined;
}

/** The members that lie on cycles of these kinds: most often none, and then no way needs to be searched. */
function cyclic(graph: DependencyGraph, members: ReadonlySet<number>, kinds: readonly EdgeKind[]): ReadonlySet<number> {
  const within = function* (node: number): Iterable<number> {
    for (const successor of successors(graph, node, kinds)) if (members.has(successor)) yield successor;
  };
  return new Set(components(graph.transactions.length, within, members).flat());
}

/** A shortest cycle that begins with an edge of the needed kind and goes on with edges of the allowed ones. */
function shortestCycle(graph: DependencyGraph, members: ReadonlySet<number>, needs: EdgeKind, allowed: readonly EdgeKind[]): Edge[] | undefined {
  let best: number[] | undefined;
  // all cycles through a member: from the heads of its edges back to it
  for (const start of members) {
    for (const head of successors(graph, start, [needs])) {
      if (!members.has(head)) continue;
      const way = shortestWay(graph, members, head, start, allowed, (best?.length ?? Infinity) - 1);
      if (way !== undefined && (best === undefined || way.length + 1 <= best.length)) best = [start, ...way];
      if (best?.length === 3) break;
    }
    if (best?.length === 3) break;
  }
  if (best === undefined) return undefined;
  const path = best;
  return path.slice(1).map((to, i) => graph.edge(path[i] as number, to, i === 0 ? [needs] : allowed) as Edge);
}

/** The nodes of a shortest way, both ends included; none that is longer than `limit` nodes. */
function shortestWay(
  graph: DependencyGraph,
  members: ReadonlySet<number>,
  from: number,
  to: number,
  kinds: readonly EdgeKind[],
  limit: number,
): number[] | undefined {
  const before = new Map<number, number>([[from, -1]]);
  let level = [from];
  for (let length = 2; level.length > 0 && length <= limit; length++) {
    const next: number[] = [];
    for (const node of level) {
      for (const successor of successors(graph, node, kinds)) {
        if (successor === to) return unwind(before, node, to);
        if (!members.has(successor) || before.has(successor)) continue;
        before.set(successor, node);
        next.push(successor);
      }
    }
    level = next;
  }
  return undefined;
}

function unwind(before: ReadonlyMap<number, number>, last: number, to: number): number[] {
  const way = [to];
  for (let node = last; node >= 0; node = before.get(node) ?? -1) way.push(node);
  return way.reverse();
}
