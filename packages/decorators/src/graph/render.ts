/** The graph as text. Names are data: quoted, never interpreted. */
import type { Graph } from './graph.js';

type Nodes = Graph['nodes'];
type Edges = Graph['edges'];

const mermaidShapes = { service: ['[[', ']]'], workflow: ['([', '])'], transaction: ['[', ']'], procedure: ['[/', '/]'], communicator: ['{{', '}}'] } as const;
const dotShapes = { service: 'component', workflow: 'ellipse', transaction: 'box', procedure: 'parallelogram', communicator: 'hexagon' } as const;

export function toMermaid(nodes: Nodes, edges: Edges): string {
  const ids = new Map(nodes.map(({ name, kind }, index) => [nodeKey(name, kind === 'service'), `n${index}`]));
  const lines = nodes.map(({ name, kind }, index) => `  n${index}${mermaidShapes[kind][0]}"${escapeMermaid(name)}"${mermaidShapes[kind][1]}`);
  const arrows = edges.map(({ from, to, kind }) => `  ${idOf(ids, from, kind)} ${kind === 'needs' ? '-.->' : '-->'} ${idOf(ids, to, kind)}`);
  return ['flowchart LR', ...lines, ...arrows, ''].join('\n');
}

export function toDot(nodes: Nodes, edges: Edges): string {
  const ids = new Map(nodes.map(({ name, kind }, index) => [nodeKey(name, kind === 'service'), `n${index}`]));
  const lines = nodes.map(({ name, kind }, index) => `  n${index} [label=${quoteDot(name)}, shape=${dotShapes[kind]}];`);
  const arrows = edges.map(({ from, to, kind }) => `  ${idOf(ids, from, kind)} -> ${idOf(ids, to, kind)}${kind === 'needs' ? ' [style=dashed]' : ''};`);
  return ['digraph apiary {', '  rankdir=LR;', ...lines, ...arrows, '}', ''].join('\n');
}

/** A service and a function may share a name. */
function nodeKey(name: string, isService: boolean): string {
  return `${isService ? 'service' : 'function'} ${name}`;
}

function idOf(ids: ReadonlyMap<string, string>, name: string, kind: Edges[number]['kind']): string {
  return ids.get(nodeKey(name, kind === 'needs')) ?? '';
}

function escapeMermaid(text: string): string {
  return Array.from(text, (char) => (/[\w .-]/.test(char) ? char : `#${char.codePointAt(0)};`)).join('');
}

function quoteDot(text: string): string {
  return `"${text.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n')}"`;
}
