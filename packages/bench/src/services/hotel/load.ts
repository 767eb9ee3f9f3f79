import type { Operation } from '../../engine/engine.js';
import { Random } from '../../engine/random.js';
import { CUSTOMERS, DAYS, HOTELS } from './tables.js';

/** What a client of the hotel service can ask for. Each engine implements it. */
export interface Hotels {
  /** The nearest hotels with a free room. */
  search(x: number, y: number, day: number): Promise<unknown>;
  /** Checks and books in one transaction, then sends a confirmation. */
  reserve(hotel: number, day: number, customer: number): Promise<unknown>;
}

/** 80 % search, 20 % reserve. */
export function hotelLoad(hotels: Hotels): Operation {
  return (draw) => {
    const random = new Random(draw);
    const day = 1 + random.below(DAYS);
    if (random.below(100) < 80) return hotels.search(random.below(100), random.below(100), day);
    return hotels.reserve(1 + random.below(HOTELS), day, 1 + random.below(CUSTOMERS));
  };
}
