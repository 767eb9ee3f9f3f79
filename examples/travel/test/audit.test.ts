import { expect } from 'chai';
import pg from 'pg';
import { audit, type Audit } from '#travel/audit.js';
import { openDatabase, type Database } from '#travel/database.js';
import type { Outcome } from '#travel/messages.js';
import type { Entry } from '#travel/partners/ledger.js';
import { tables } from '#travel/tables.js';
import { databaseName, holdServer } from './support.js';

const request = { from: 'DTW', to: 'LAS', departure: '2001/01/01 00:47', miles: 1750 };
const ticket = (n: number): string => `00000000-0000-4000-8000-00000000000${n}`;

/** Two bookings of one flight with two seats, and a third that found it sold out. */
class World {
  outcomes = new Map<number, Outcome>([
    [0, { kind: 'booked', booking: { soldOut: false, seat: 1, charge: 'c0', ticket: ticket(0) } }],
    [1, { kind: 'booked', booking: { soldOut: false, seat: 2, charge: 'c1', ticket: ticket(1) } }],
    [2, { kind: 'booked', booking: { soldOut: true } }],
    [3, { kind: 'refused', reason: 'no airport' }],
  ]);
  requests = [request, request, request, { ...request, to: 'Las Vegas' }];
  entries: Entry[] = [0, 1].flatMap((n) => [
    { kind: 'charge', key: `key-${n}`, booking: `booking-${n}`, cents: 1, charge: `c${n}` },
    { kind: 'mail', key: `mail-${n}`, booking: `booking-${n}` },
  ]);
  constructor(
    readonly url: string,
    readonly client: pg.Client,
  ) {}

  async fill(): Promise<void> {
    await this.client.query(`truncate flight, seat, ticket; insert into flight values ('DTW-LAS', 2, 2);
      insert into seat values ('booking-0', 'DTW-LAS', 1), ('booking-1', 'DTW-LAS', 2);
      insert into ticket values ('${ticket(0)}', 'booking-0', 'DTW-LAS', 'c0'), ('${ticket(1)}', 'booking-1', 'DTW-LAS', 'c1')`);
  }

  count(): Promise<Audit> {
    return audit(this.url, this.entries, this.outcomes, this.requests);
  }
}

const doubles: readonly (readonly [string, (world: World) => unknown, RegExp])[] = [
  ['a second seat', (w) => w.client.query(`insert into seat values ('booking-0', 'DTW-LAS', 3)`), /booking-0: 2 seats/],
  ['a seat sold twice', (w) => w.client.query(`insert into seat values ('booking-1', 'DTW-LAS', 1)`), /DTW-LAS: 1 seats sold twice/],
  ['a second ticket', (w) => w.client.query('insert into ticket select * from ticket limit 1'), /booking-0: 2 tickets/],
  ['a second charge', (w) => w.entries.push({ kind: 'charge', key: 'another', booking: 'booking-0', cents: 1, charge: 'c9' }), /booking-0: 2 charges/],
  ['a mail with another key', (w) => w.entries.push({ kind: 'mail', key: 'another', booking: 'booking-0' }), /booking-0: mails with several keys/],
  ['a seat of a refused request', (w) => w.client.query(`insert into seat values ('booking-3', 'DTW-LAS', 3)`), /booking-3: a seat without a booking/],
  [
    'a charge of a sold-out booking',
    (w) => w.entries.push({ kind: 'charge', key: 'k', booking: 'booking-2', cents: 1, charge: 'c9' }),
    /booking-2: a charge without a booking/,
  ],
  [
    'a ticket nobody asked for',
    (w) => w.client.query(`insert into ticket values (default, 'booking-9', 'DTW-LAS', 'c')`),
    /booking-9: a ticket .* nobody asked for/,
  ],
  ['more seats than counted', (w) => w.client.query('update flight set taken = 1'), /DTW-LAS: 1 seats counted, 2 sold/],
];

const losses: readonly (readonly [string, (world: World) => unknown, RegExp])[] = [
  ['a seat', (w) => w.client.query(`delete from seat where booking = 'booking-0'`), /booking-0: no seat/],
  ['a ticket', (w) => w.client.query(`delete from ticket where booking = 'booking-0'`), /booking-0: no ticket/],
  ['a charge', (w) => w.entries.shift(), /booking-0: no charge/],
  ['a mail', (w) => w.entries.splice(1, 1), /booking-0: no mail/],
  ['an outcome', (w) => w.outcomes.delete(0), /booking-0: no outcome/],
  ['a booking that failed', (w) => w.outcomes.set(0, { kind: 'failed', reason: 'it broke' }), /booking-0: failed: it broke/],
  ['a valid request that was refused', (w) => w.outcomes.set(2, { kind: 'refused', reason: 'no airport' }), /booking-2: no airport/],
  ['a seat that was counted and not sold', (w) => w.client.query('update flight set taken = 3'), /DTW-LAS: 3 seats counted, 2 sold/],
  ['a booking sold out although there are seats', (w) => w.client.query('update flight set seats = 3'), /booking-2: refused as sold out/],
  ['another seat than the client was told', (w) => w.client.query('update seat set seat = 3 - seat'), /booking-0: the client was told seat 1/],
  ['another ticket than the client was told', (w) => w.client.query('update ticket set number = default'), /booking-0: the client was told another ticket/],
  [
    'another charge than the client was told',
    (w) => (w.entries[0] = { ...(w.entries[0] as Entry & { kind: 'charge' }), charge: 'c9' }),
    /booking-0: the client was told another charge/,
  ],
];

describe('travel: the count at the end', function () {
  this.timeout(60_000);
  holdServer();
  let database: Database;
  let client: pg.Client;

  before(async () => {
    database = await openDatabase(databaseName);
    client = new pg.Client({ connectionString: database.url });
    await client.connect();
    await client.query(tables);
  });
  after(async () => {
    await client.end();
    await database.drop();
  });

  async function world(): Promise<World> {
    const made = new World(database.url, client);
    await made.fill();
    return made;
  }

  it('finds nothing where nothing is wrong; mails and bank requests may be repeated with their key', async () => {
    const right = await world();
    right.entries.push({ kind: 'mail', key: 'mail-0', booking: 'booking-0' }, { kind: 'repeat', key: 'key-0', booking: 'booking-0' });
    expect(await right.count()).to.deep.equal({
      booked: 2,
      soldOut: 1,
      refused: 1,
      seats: 2,
      charges: 2,
      tickets: 2,
      mails: 3,
      repeats: 1,
      lost: [],
      doubled: [],
    });
  });

  for (const [what, spoil, found] of doubles) {
    it(`finds as doubled: ${what}`, async () => {
      const spoilt = await world();
      await spoil(spoilt);
      expect((await spoilt.count()).doubled.join('\n')).to.match(found);
    });
  }

  for (const [what, spoil, found] of losses) {
    it(`finds as lost: ${what}`, async () => {
      const spoilt = await world();
      await spoil(spoilt);
      expect((await spoilt.count()).lost.join('\n')).to.match(found);
    });
  }

  it('refuses a second run on the same database', async () => {
    const refused = await openDatabase(databaseName).then(
      () => undefined,
      (error: Error) => error,
    );
    expect(refused?.message).to.match(/another run is using the database/);
  });
});
