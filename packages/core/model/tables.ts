type Cells = readonly (string | number)[];

export const line = (cells: Cells): string => cells.join(' | ');

export const numbered = (trace: readonly string[]): string => trace.map((label, i) => `    ${String(i + 1).padStart(2)}. ${label}`).join('\n');

/** A table of Markdown. */
export function markdown(head: Cells, rows: readonly Cells[]): string {
  const row = (cells: Cells): string => `| ${cells.map((c) => String(c).replaceAll('|', '\\|').replaceAll('\n', ' ')).join(' | ')} |`;
  return [row(head), row(head.map(() => '---')), ...rows.map(row)].join('\n');
}
