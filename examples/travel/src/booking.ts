/** The service: a flight is booked in five steps, and whatever dies on the way, there is one seat, one charge and one ticket. */
import { Communicator, Inject, Service, Transaction, Workflow, db, idempotencyKey, signal, sql, token, workflowId } from '@apiary/core';
import { IsInt, IsPositive, Matches } from 'class-validator';
import { IsAirport } from './airports.js';
import { post } from './partners/post.js';

/** Checked before anything is stored: a request that breaks a rule leaves no trace. */
export class BookingRequest {
  @IsAirport() from!: string;
  @IsAirport() to!: string;
  @Matches(/^\d{4}\/\d\d\/\d\d \d\d:\d\d$/) departure!: string;
  @IsInt() @IsPositive() miles!: number;
}

export type Booking = { soldOut: false; seat: number; charge: string; ticket: string } | { soldOut: true };

/** Address of the companies we work with: the bank and the mail house. */
export const PARTNERS = token<string>('PARTNERS');

class Airline {
  /** One database transaction, recorded in its own commit. Undefined: no seat is left. */
  @Transaction()
  async reserve(booking: string, flight: string): Promise<number | undefined> {
    const taken = await sql<{ seat: number }>`update flight set taken = taken + 1 where id = ${flight} and taken < seats returning taken as seat`.maybe();
    if (taken !== undefined) await db('seat').insert({ booking, flight, seat: taken.seat });
    return taken?.seat;
  }

  @Transaction()
  async issue(booking: string, flight: string, charge: string): Promise<string> {
    return (await sql<{ number: string }>`insert into ticket (booking, flight, charge) values (${booking}, ${flight}, ${charge}) returning number`.one())
      .number;
  }
}

@Service()
class Partners {
  constructor(@Inject(PARTNERS) private readonly address: string) {}

  /**
   * A call to the outside may be repeated when a crash hid its answer. The key is the same for all repeats, so the bank charges once.
   * A seat is held meanwhile: it asks until the bank answers.
   */
  @Communicator({ timeout: '5 seconds', retry: { maxAttempts: Infinity, initialInterval: '100 ms', maxInterval: '2 seconds' } })
  async charge(booking: string, cents: number): Promise<string> {
    return ((await this.#post('/charges', { booking, cents })) as { charge: string }).charge;
  }

  @Communicator({ timeout: '5 seconds', retry: { maxAttempts: Infinity, initialInterval: '100 ms', maxInterval: '2 seconds' } })
  async notify(booking: string, text: string): Promise<void> {
    await this.#post('/mails', { booking, text });
  }

  #post(path: string, body: object): Promise<unknown> {
    return post(this.address + path, { 'idempotency-key': idempotencyKey() }, body, signal());
  }
}

@Service({ name: 'Bookings' })
export class Bookings {
  constructor(
    private readonly airline: Airline,
    private readonly partners: Partners,
  ) {}

  /** Runs to its end, on this process or on another one: what a finished step returned is read, not done again. */
  @Workflow()
  async book({ from, to, departure, miles }: BookingRequest): Promise<Booking> {
    const booking = workflowId();
    const flight = `${from}-${to}`;
    const seat = await this.airline.reserve(booking, flight);
    if (seat === undefined) return { soldOut: true };
    const charge = await this.partners.charge(booking, 5000 + 12 * miles);
    const ticket = await this.airline.issue(booking, flight, charge);
    await this.partners.notify(booking, `${flight} on ${departure}: seat ${seat}, ticket ${ticket}`);
    return { soldOut: false, seat, charge, ticket };
  }
}
