/** The count at the end: what the client was told, what the tables hold and what the partners wrote down must be one and the same. */
import pg from 'pg';
import { isAirport } from './airports.js';
import type { BookingRequest } from './booking.js';
import { bookingId, type Outcome } from './messages.js';
import type { Entry } from './partners/ledger.js';

export interface Audit {
  readonly booked: number;
  readonly soldOut: number;
  readonly refused: number;
  readonly seats: number;
  readonly charges: number;
  readonly tickets: number;
  readonly mails: number;
  /** Requests to the bank that repeated a key and were not charged again. */
  readonly repeats: number;
  /** What is missing, and what is there too often; a line each. */
  readonly lost: readonly string[];
  readonly doubled: readonly string[];
}

interface Found {
  readonly seats: ReadonlyMap<string, readonly Seat[]>;
  readonly tickets: ReadonlyMap<string, readonly Ticket[]>;
  readonly flights: readonly Flight[];
  readonly charges: ReadonlyMap<string, readonly Entry[]>;
  readonly mails: ReadonlyMap<string, readonly Entry[]>;
}
type Flight = { readonly id: string; readonly seats: number; readonly taken: number };
type Seat = { readonly booking: string; readonly flight: string; readonly seat: number };
type Ticket = { readonly booking: string; readonly number: string; readonly charge: string };

export async function audit(
  url: string,
  entries: readonly Entry[],
  outcomes: ReadonlyMap<number, Outcome>,
  requests: readonly BookingRequest[],
): Promise<Audit> {
  const found = await read(url, entries);
  const lost: string[] = [];
  const doubled: string[] = [];
  const counts = { booked: 0, soldOut: 0, refused: 0 };
  const known = new Set<string>();
  const full = new Set(found.flights.filter(({ seats, taken }) => taken === seats).map(({ id }) => id));
  for (const [n, { from, to }] of requests.entries()) {
    const id = bookingId(n);
    const outcome = outcomes.get(n);
    known.add(id);
    if (outcome === undefined || outcome.kind === 'failed') {
      lost.push(`${id}: ${outcome === undefined ? 'no outcome' : `failed: ${outcome.reason}`}`);
    } else if (outcome.kind === 'booked' && !outcome.booking.soldOut) {
      counts.booked++;
      compare(id, { ...outcome.booking, flight: `${from}-${to}` }, found, lost, doubled);
    } else {
      if (outcome.kind === 'refused' && isAirport(from) && isAirport(to)) lost.push(`${id}: ${outcome.reason}`);
      counts[outcome.kind === 'refused' ? 'refused' : 'soldOut']++;
      if (outcome.kind === 'booked' && !full.has(`${from}-${to}`)) lost.push(`${id}: refused as sold out, and there are seats`);
      for (const [what, of] of kinds(found)) if (of.has(id)) doubled.push(`${id}: a ${what} without a booking`);
    }
  }
  for (const [what, of] of kinds(found)) for (const id of of.keys()) if (!known.has(id)) doubled.push(`${id}: a ${what} for a booking that nobody asked for`);
  flights(found, lost, doubled);
  return {
    ...counts,
    seats: total(found.seats),
    tickets: total(found.tickets),
    charges: total(found.charges),
    mails: total(found.mails),
    repeats: entries.filter(({ kind }) => kind === 'repeat').length,
    lost,
    doubled,
  };
}

/** One booking: exactly one of each, and the ones that the client was told; one mail or more, all with one key. */
function compare(id: string, told: { flight: string; seat: number; charge: string; ticket: string }, found: Found, lost: string[], doubled: string[]): void {
  for (const [what, of] of kinds(found)) {
    const count = of.get(id)?.length ?? 0;
    if (count === 0) lost.push(`${id}: no ${what}`);
    if (count > 1 && what !== 'mail') doubled.push(`${id}: ${count} ${what}s`);
  }
  if (new Set(found.mails.get(id)?.map(({ key }) => key)).size > 1) doubled.push(`${id}: mails with several keys`);
  const [seat, ticket, charge] = [found.seats.get(id)?.[0], found.tickets.get(id)?.[0], found.charges.get(id)?.[0]];
  if (seat !== undefined && (seat.seat !== told.seat || seat.flight !== told.flight))
    lost.push(`${id}: the client was told seat ${told.seat} of ${told.flight}, and it is ${seat.seat} of ${seat.flight}`);
  if (ticket !== undefined && ticket.number !== told.ticket) lost.push(`${id}: the client was told another ticket`);
  if (ticket !== undefined && ticket.charge !== told.charge) lost.push(`${id}: the ticket names another charge`);
  if (charge?.kind === 'charge' && charge.charge !== told.charge) lost.push(`${id}: the client was told another charge`);
}

/** The seats of each flight sum up: as many as its counter says, each sold once. */
function flights(found: Found, lost: string[], doubled: string[]): void {
  const sold = groupBy([...found.seats.values()].flat(), ({ flight }) => flight);
  for (const { id, taken } of found.flights) {
    const seats = sold.get(id) ?? [];
    const numbers = new Set(seats.map(({ seat }) => seat)).size;
    if (numbers < seats.length) doubled.push(`${id}: ${seats.length - numbers} seats sold twice`);
    if (numbers < taken) lost.push(`${id}: ${taken} seats counted, ${numbers} sold`);
    if (numbers > taken) doubled.push(`${id}: ${taken} seats counted, ${numbers} sold`);
  }
}

async function read(url: string, entries: readonly Entry[]): Promise<Found> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    const [seats, tickets, flown] = [
      await client.query<Seat>('select booking, flight, seat from seat'),
      await client.query<Ticket>('select booking, number, charge from ticket'),
      await client.query<Flight>('select id, seats, taken from flight'),
    ];
    const of = (kind: Entry['kind']): Map<string, Entry[]> =>
      groupBy(
        entries.filter((entry) => entry.kind === kind),
        ({ booking }) => booking,
      );
    return {
      seats: groupBy(seats.rows, ({ booking }) => booking),
      tickets: groupBy(tickets.rows, ({ booking }) => booking),
      flights: flown.rows,
      charges: of('charge'),
      mails: of('mail'),
    };
  } finally {
    await client.end();
  }
}

function kinds(found: Found): (readonly [string, ReadonlyMap<string, readonly unknown[]>])[] {
  return [
    ['seat', found.seats],
    ['charge', found.charges],
    ['ticket', found.tickets],
    ['mail', found.mails],
  ];
}

function total(of: ReadonlyMap<string, readonly unknown[]>): number {
  let sum = 0;
  for (const list of of.values()) sum += list.length;
  return sum;
}

function groupBy<T>(list: readonly T[], key: (item: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const item of list) {
    const group = groups.get(key(item));
    if (group === undefined) groups.set(key(item), [item]);
    else group.push(item);
  }
  return groups;
}
