import type { ShapeResult } from './enumerate.js';
import type { TwiceResult } from './enumerate-twice.js';
import { nameOf, type CrashMode } from './point.js';

/** What is counted as proof that the fault happened. */
const happened: Readonly<Record<CrashMode, string>> = { kill: 'killed', cut: 'cut', server: 'restarted', stop: 'stopped' };

export interface Summary {
  readonly shape: string;
  readonly about: string;
  readonly mode: CrashMode;
  readonly writes: number;
  readonly statements: number;
  readonly points: number;
  /** Points at which the fault is proved to have happened. */
  readonly hit: number;
  readonly differences: number;
}

export function summaryOf(result: ShapeResult): Summary {
  const { shape, about, mode, trace, points } = result;
  return {
    shape,
    about,
    mode,
    writes: trace.length,
    statements: trace.reduce((n, flight) => n + flight.statements.length, 0),
    points: points.length,
    hit: points.filter((point) => point.asMeant && point.flight !== undefined).length,
    differences: points.filter((point) => point.differences.length > 0).length,
  };
}

/** Of pairs: how many there are, how many were drawn, and at how many the recovery was killed too. */
export function tableOfPairs(results: readonly TwiceResult[]): string {
  const rows = results.map(({ shape, pairs, results: drawn }): Cells => {
    const twice = drawn.filter(({ flight, asMeant }) => flight !== undefined && asMeant).length;
    return [shape, pairs, drawn.length, twice, drawn.filter(({ differences }) => differences.length > 0).length];
  });
  const line = (row: Cells): string => `| ${row.join(' | ')} |`;
  return [line(['shape', 'pairs', 'drawn', 'killed twice', 'differences']), line(['---', '---:', '---:', '---:', '---:']), ...rows.map(line), ''].join('\n');
}

type Cells = readonly (string | number)[];

function cellsOf(results: readonly ShapeResult[]): Cells[] {
  const all = results.map(summaryOf);
  const sum = (key: 'points' | 'hit' | 'differences'): number => all.reduce((n, row) => n + row[key], 0);
  return [
    ['shape', 'fault', 'writes', 'statements', 'points', 'happened', 'differences'],
    ...all.map((row): Cells => [row.shape, happened[row.mode], row.writes, row.statements, row.points, row.hit, row.differences]),
    ['all', '', '', '', sum('points'), sum('hit'), sum('differences')],
  ];
}

const textColumns = 2;

export function tableOf(results: readonly ShapeResult[]): string {
  const cells = cellsOf(results).map((row) => row.map(String));
  const widths = (cells[0] ?? []).map((_, column) => Math.max(...cells.map((row) => row[column]?.length ?? 0)));
  return cells
    .map((row) =>
      row
        .map((cell, i) => (i < textColumns ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0)))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

export function markdownOf(results: readonly ShapeResult[]): string {
  const [head = [], ...rows] = cellsOf(results);
  const line = (row: Cells): string => `| ${row.join(' | ')} |`;
  const shapes = new Map(results.map(({ shape, about }) => [shape, about]));
  return [
    line(head),
    line(head.map((_, i) => (i < textColumns ? '---' : '---:'))),
    ...rows.map(line),
    '',
    '| shape | what it does |',
    '| --- | --- |',
    ...[...shapes].map(([shape, about]) => `| ${shape} | ${about} |`),
    '',
  ].join('\n');
}

/** What was not as in the crash-free run, point by point. */
export function failuresOf(results: readonly ShapeResult[]): string[] {
  return results.flatMap(({ shape, mode, points }) =>
    points
      .filter((point) => point.differences.length > 0 || !point.asMeant)
      .map(({ point, flight, asMeant, differences }) => {
        const where = `${shape}, ${happened[mode]} at ${nameOf(point)}`;
        if (flight === undefined) return `${where}: ${differences.join('\n  ')}`;
        const what = asMeant ? differences : ['the fault did not happen as it was meant', ...differences];
        return `${where} (${flight.connection}: ${flight.statements.map((text) => text.slice(0, 80)).join('; ')})\n  ${what.join('\n  ')}`;
      }),
  );
}
