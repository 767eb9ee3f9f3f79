import type { BookingRequest } from './booking.js';

/** The requests with `count` more between them that validation must refuse: their airport does not exist. */
export function misspell(requests: readonly BookingRequest[], count: number): BookingRequest[] {
  const all = [...requests];
  const example = requests[0];
  if (example === undefined) return all;
  const stretch = Math.max(1, Math.floor(all.length / (count + 1)));
  const { from, departure, miles } = example;
  for (let i = 0; i < count; i++) all.splice(((i + 1) * (stretch + 1)) % (all.length + 1), 0, { from, to: 'Las Vegas', departure, miles });
  return all;
}
