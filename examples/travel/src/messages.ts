/** What the client and the workers say to each other, over the channel of a forked process. */
import type { Booking, BookingRequest } from './booking.js';

export type ToWorker =
  | { readonly type: 'book'; readonly n: number; readonly request: BookingRequest }
  /** The booking was accepted by a worker that is gone: tell how it ends. */
  | { readonly type: 'watch'; readonly n: number }
  | { readonly type: 'history' }
  | { readonly type: 'stop' };

export type FromWorker =
  | { readonly type: 'ready' }
  /** Durable: from here on the client need not ask again, only wait. */
  | { readonly type: 'accepted'; readonly n: number }
  | { readonly type: 'settled'; readonly n: number; readonly outcome: Outcome }
  | ({ readonly type: 'history' } & History);

export type Outcome =
  | { readonly kind: 'booked'; readonly booking: Booking }
  | { readonly kind: 'refused'; readonly reason: string }
  | { readonly kind: 'failed'; readonly reason: string };

/** What Apiary's own records tell. */
export interface History {
  readonly workflows: number;
  readonly unfinished: number;
  /** Workflows that an executor took over from a dead one. */
  readonly recovered: number;
}

export const bookingPrefix = 'booking-';

export function bookingId(n: number): string {
  return `${bookingPrefix}${n}`;
}
