/** A trip of three bookings that is taken back by hand when one of them fails. */
import { Apiary, Communicator, Service, Transaction, Workflow, db, idempotencyKey } from '@apiary/core';

interface Trip {
  id: string;
  flight: string;
  hotel: string;
  nights: number;
}
interface Booking {
  reference: string;
}

@Service()
class Flights {
  @Communicator()
  async book(trip: string, flight: string): Promise<Booking> {
    return post<Booking>('flights', { trip, flight });
  }
  @Communicator()
  async cancel(trip: string, _flight: string, booking?: Booking): Promise<void> {
    await post('flights/cancel', { trip, reference: booking?.reference });
  }
}

@Service()
class Hotels {
  @Transaction()
  async reserve(hotel: string, nights: number): Promise<number> {
    const [row] = await db('hotel').where({ hotel }).decrement('free', nights).returning('free');
    return row.free;
  }
  @Transaction()
  async release(hotel: string, nights: number): Promise<void> {
    await db('hotel').where({ hotel }).increment('free', nights);
  }
}

@Service()
class Payments {
  @Communicator({ retry: { maxAttempts: 3 } })
  async charge(trip: string): Promise<void> {
    await post('payments', { trip });
  }
}

@Service()
export class Trips {
  constructor(
    private readonly flights: Flights,
    private readonly hotels: Hotels,
    private readonly payments: Payments,
  ) {}

  @Workflow()
  async book(trip: Trip): Promise<Booking> {
    const booking = await this.flights.book(trip.id, trip.flight);
    await this.hotels.reserve(trip.hotel, trip.nights);
    try {
      await this.payments.charge(trip.id);
    } catch (error) {
      await this.hotels.release(trip.hotel, trip.nights);
      await this.flights.cancel(trip.id, trip.flight, booking);
      throw error;
    }
    return booking;
  }
}

async function post<T>(path: string, body: object): Promise<T> {
  const answer = await fetch(`https://travel.example/${path}`, {
    method: 'POST',
    headers: { 'idempotency-key': idempotencyKey() },
    body: JSON.stringify(body),
  });
  if (!answer.ok) throw new Error(`HTTP ${answer.status}`);
  return (await answer.json()) as T;
}

const app = await Apiary.launch({ services: [Trips] });
const booking = await app.start(Trips, { workflowId: 't-1' }).book({ id: 't-1', flight: 'LH1', hotel: 'Ritz', nights: 2 }).result();
console.log(booking.reference);
await app.handle('t-2').cancel();
