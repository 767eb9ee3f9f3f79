/** Sizes of the hotel service. */
export const HOTELS = 1_000;
export const DAYS = 365;
export const CUSTOMERS = 1_000;

/** Hotels lie on a grid of 100 by 100; each has its free rooms by day. */
export const HOTEL_TABLES = `
  create table hotel (id int primary key, name text not null, x int not null, y int not null, price int not null);
  create index on hotel (x, y);
  create table hotel_room (hotel int, day int, free int not null, primary key (hotel, day));
  create table hotel_reservation (id text primary key, hotel int not null, day int not null, customer int not null);
  insert into hotel select i, 'Hotel ' || i, i * 37 % 100, i * 61 % 100, 50 + i % 200 from generate_series(1, ${HOTELS}) i;
  insert into hotel_room select h, d, 1000000 from generate_series(1, ${HOTELS}) h, generate_series(1, ${DAYS}) d;`;
