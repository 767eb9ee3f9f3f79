/** The table at the end. */
import type { Travel } from './travel.js';

export function isRight({ audit, history }: Travel): boolean {
  return audit.lost.length === 0 && audit.doubled.length === 0 && history.unfinished === 0;
}

export function report(travel: Travel): string {
  const { audit, history, kills, askedAgain, seconds } = travel;
  const settled = audit.booked + audit.soldOut;
  const rows: (readonly [string, number | string, string])[] = [
    ['bookings', audit.booked, `and ${audit.soldOut} found their flight sold out`],
    ['refused', audit.refused, 'misspelt requests, stopped by validation: nothing stored'],
    ['seats', audit.seats, ''],
    ['charges', audit.charges, `${audit.repeats} more requests repeated a key: the bank gave the first answer`],
    ['tickets', audit.tickets, ''],
    ['mails', audit.mails, 'at least one a booking'],
    ['workers killed', kills.length, `with ${kills.reduce((sum, { underWay }) => sum + underWay, 0)} bookings under way`],
    ['recovered', history.recovered, `finished by another worker; ${askedAgain} more were asked again by the client`],
    ['unfinished', history.unfinished, `of ${history.workflows} workflows`],
    ['lost', audit.lost.length, ''],
    ['doubled', audit.doubled.length, ''],
    ['throughput', `${Math.round(settled / seconds)}/s`, `${seconds.toFixed(1)} s in all, kills included`],
  ];
  return [table(rows), ...problems('LOST', audit.lost), ...problems('DOUBLED', audit.doubled), verdict(travel)].join('\n');
}

function table(rows: readonly (readonly [string, number | string, string])[]): string {
  const shown = rows.map(([name, value, note]) => [name, typeof value === 'number' ? value.toLocaleString('en') : value, note] as const);
  const width = [0, 1].map((column) => Math.max(...shown.map((row) => (row[column] ?? '').length)));
  return shown.map(([name, value, note]) => `  ${name.padEnd(width[0] ?? 0)}  ${value.padStart(width[1] ?? 0)}  ${note}`.trimEnd()).join('\n');
}

const shownProblems = 10;

function problems(title: string, lines: readonly string[]): string[] {
  const more = lines.length > shownProblems ? [`  and ${lines.length - shownProblems} more`] : [];
  return lines.length === 0 ? [] : ['', title, ...lines.slice(0, shownProblems).map((line) => `  ${line}`), ...more];
}

function verdict(travel: Travel): string {
  const { kept } = travel;
  if (isRight(travel)) {
    return `
Every booking exactly once: one seat, one charge, one ticket.

Next: read examples/travel/src/booking.ts, the whole service.
      Kill more:               npm start -- --kills 25 --workers 4
      See the count find one:  npm start -- --flights 500 --plant double`;
  }
  return `\nThis is wrong.${kept === undefined ? '' : ` For a look, the database ${kept.database} and the ledger in ${kept.folder} are kept.`}`;
}
