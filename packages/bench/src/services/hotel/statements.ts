// The texts that all sides of the hotel service use.

export const SEARCH = `
  select h.id, h.name, h.price from hotel h join hotel_room r on r.hotel = h.id and r.day = $3
  where h.x between $1 - 5 and $1 + 5 and h.y between $2 - 5 and $2 + 5 and r.free > 0
  order by (h.x - $1) * (h.x - $1) + (h.y - $2) * (h.y - $2) limit 5`;
export const AVAILABLE = 'select free from hotel_room where hotel = $1 and day = $2 for update';
export const TAKE = 'update hotel_room set free = free - 1 where hotel = $1 and day = $2';
export const RESERVE = 'insert into hotel_reservation (id, hotel, day, customer) values ($1, $2, $3, $4)';
