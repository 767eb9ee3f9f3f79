/** The real input: ten thousand flights of the year 2001, one booking each. */
import { dataFile } from './airports.js';
import type { BookingRequest } from './booking.js';

interface FlightRecord {
  readonly date: string;
  readonly distance: number;
  readonly origin: string;
  readonly destination: string;
}

const records = JSON.parse(dataFile('flights-10k.json')) as readonly FlightRecord[];

/** The first `count` flights as requests. */
export function requestsFor(count: number): BookingRequest[] {
  return records.slice(0, count).map(({ date, distance, origin, destination }) => ({ from: origin, to: destination, departure: date, miles: distance }));
}

/** All connections flown, as `from-to`. */
export function connections(): string[] {
  return [...new Set(records.map(({ origin, destination }) => `${origin}-${destination}`))];
}

export const flightCount = records.length;
