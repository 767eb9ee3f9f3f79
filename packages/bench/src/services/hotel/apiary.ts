import { type Apiary, Communicator, Service, sql, Transaction, Workflow, workflowId } from '@apiary/core';
import type { Operation } from '../../engine/engine.js';
import { type Hotels, hotelLoad } from './load.js';

export interface Offer {
  readonly id: number;
  readonly name: string;
  readonly price: number;
}

class Rooms {
  @Transaction({ readOnly: true })
  async search(x: number, y: number, day: number): Promise<Offer[]> {
    return await sql<Offer>`
      select h.id, h.name, h.price from hotel h join hotel_room r on r.hotel = h.id and r.day = ${day}
      where h.x between ${x}::int - 5 and ${x}::int + 5 and h.y between ${y}::int - 5 and ${y}::int + 5 and r.free > 0
      order by (h.x - ${x}::int) * (h.x - ${x}::int) + (h.y - ${y}::int) * (h.y - ${y}::int) limit 5`;
  }

  @Transaction()
  async available(hotel: number, day: number): Promise<boolean> {
    const room = await sql<{ free: number }>`select free from hotel_room where hotel = ${hotel} and day = ${day} for update`.maybe();
    return (room?.free ?? 0) > 0;
  }

  /** The paper's transaction of several functions: the check joins this transaction. */
  @Transaction()
  async reserve(hotel: number, day: number, customer: number): Promise<boolean> {
    if (!(await this.available(hotel, day))) return false;
    await sql`update hotel_room set free = free - 1 where hotel = ${hotel} and day = ${day}`;
    await sql`insert into hotel_reservation (id, hotel, day, customer) values (${workflowId()}, ${hotel}, ${day}, ${customer})`;
    return true;
  }

  @Communicator()
  async confirm(customer: number): Promise<string> {
    return `mail to ${customer}`;
  }
}

/** The hotel service on Apiary. */
@Service()
export class HotelService implements Hotels {
  constructor(private readonly rooms: Rooms) {}

  search(x: number, y: number, day: number): Promise<Offer[]> {
    return this.rooms.search(x, y, day);
  }

  @Workflow()
  async reserve(hotel: number, day: number, customer: number): Promise<boolean> {
    const booked = await this.rooms.reserve(hotel, day, customer);
    if (booked) await this.rooms.confirm(customer);
    return booked;
  }
}

export const apiaryHotel = (app: Apiary): Operation => hotelLoad(app.get(HotelService));
