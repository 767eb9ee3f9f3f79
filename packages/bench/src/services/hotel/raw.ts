import type { Operation } from '../../engine/engine.js';
import { uuid7 } from '../../engine/uuid7.js';
import type { RawSteps } from '../../engines/raw/steps.js';
import { type Hotels, hotelLoad } from './load.js';
import { AVAILABLE, RESERVE, SEARCH, TAKE } from './statements.js';

/** The hotel service by hand. */
class RawHotels implements Hotels {
  readonly #steps: RawSteps;

  constructor(steps: RawSteps) {
    this.#steps = steps;
  }

  search(x: number, y: number, day: number): Promise<unknown> {
    return this.#steps.read({ name: 'hotel-search', text: SEARCH, values: [x, y, day] });
  }

  async reserve(hotel: number, day: number, customer: number): Promise<boolean> {
    const id = uuid7();
    const booked = await this.#steps.transaction(id, 0, async (client) => {
      const { rows } = await client.query<{ free: number }>({ name: 'hotel-available', text: AVAILABLE, values: [hotel, day] });
      if ((rows[0]?.free ?? 0) < 1) return false;
      await client.query({ name: 'hotel-take', text: TAKE, values: [hotel, day] });
      await client.query({ name: 'hotel-reserve', text: RESERVE, values: [id, hotel, day, customer] });
      return true;
    });
    if (booked) await this.#steps.communicator(id, 1, async () => `mail to ${customer}`);
    return booked;
  }
}

export const rawHotel = (steps: RawSteps): Operation => hotelLoad(new RawHotels(steps));
