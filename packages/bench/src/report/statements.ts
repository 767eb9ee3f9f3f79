import type { StatementCost } from '../server/meter.js';

const TEXT = 110;

/** Where the server's time went in a counted run: calls, rows, microseconds and log bytes an operation. */
export function statementTable(operations: number, costs: readonly StatementCost[]): string {
  const line = (calls: string, rows: string, time: string, wal: string, text: string): string =>
    `${calls.padStart(7)} ${rows.padStart(7)} ${time.padStart(8)} ${wal.padStart(7)}  ${text}`;
  const lines = costs.slice(0, 15).map(({ calls, rows, milliseconds, wal, text }) => {
    const each = (value: number): number => value / operations;
    return line(
      each(calls).toFixed(2),
      each(rows).toFixed(2),
      (each(milliseconds) * 1000).toFixed(1),
      each(wal).toFixed(0),
      text.replace(/\s+/g, ' ').slice(0, TEXT),
    );
  });
  return [line('calls', 'rows', 'us', 'WAL B', 'statement'), ...lines].join('\n');
}
