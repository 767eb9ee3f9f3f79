/**
 * Strongly connected components with more than one member (Tarjan), without recursion: a history has more transactions than a stack has frames.
 *
 * @param count nodes are numbers below this
 * @param after the successors of each node
 * @param roots where to begin; default: everywhere
 */
export function components(count: number, after: (node: number) => Iterable<number>, roots: Iterable<number> = Array(count).keys()): number[][] {
  const index = new Int32Array(count).fill(-1);
  const low = new Int32Array(count);
  const onStack = new Uint8Array(count);
  const stack: number[] = [];
  const found: number[][] = [];
  let next = 0;
  const open = (node: number): Frame => {
    index[node] = low[node] = next++;
    stack.push(node);
    onStack[node] = 1;
    return { node, rest: after(node)[Symbol.iterator]() };
  };
  const at = (array: Int32Array, node: number): number => array[node] ?? -1;
  for (const root of roots) {
    if (at(index, root) >= 0) continue;
    const frames: Frame[] = [open(root)];
    for (let frame = frames.at(-1); frame !== undefined; frame = frames.at(-1)) {
      const { node, rest } = frame;
      const step = rest.next();
      if (!step.done) {
        const successor = step.value;
        if (at(index, successor) < 0) frames.push(open(successor));
        else if (onStack[successor] === 1) low[node] = Math.min(at(low, node), at(index, successor));
        continue;
      }
      frames.pop();
      const parent = frames.at(-1)?.node;
      if (parent !== undefined) low[parent] = Math.min(at(low, parent), at(low, node));
      if (at(low, node) !== at(index, node)) continue;
      const members = stack.splice(stack.lastIndexOf(node));
      for (const member of members) onStack[member] = 0;
      if (members.length > 1) found.push(members);
    }
  }
  return found;
}

interface Frame {
  readonly node: number;
  readonly rest: Iterator<number>;
}
