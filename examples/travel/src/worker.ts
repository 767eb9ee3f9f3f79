/** A worker: one executor, which books what the client asks for, and what dead workers left behind. It may be killed at any moment. */
import { Apiary, isApiaryError, type WorkflowHandle } from '@apiary/core';
import { Bookings, PARTNERS, type Booking, type BookingRequest } from './booking.js';
import { bookingId, bookingPrefix, type FromWorker, type History, type Outcome, type ToWorker } from './messages.js';
import { createTables } from './tables.js';

process.on('disconnect', () => process.exit());
if (!process.connected) process.exit(); // the coordinator died while this one was loading
process.on('SIGINT', () => {}); // Ctrl-C reaches all processes of the terminal; the coordinator ends this one

const app = await Apiary.launch({
  services: [Bookings],
  provide: [[PARTNERS, process.env['TRAVEL_PARTNERS'] ?? '']],
  migrations: createTables,
  lease: '2 seconds', // how soon others take over; the default of 10 seconds is kinder to a busy machine
  poll: '200 ms',
  log: { level: 'error' },
});

function say(message: FromWorker): void {
  process.send?.(message);
}

async function book(n: number, request: BookingRequest): Promise<void> {
  let handle: WorkflowHandle<Booking>;
  try {
    handle = await app.start(Bookings, { workflowId: bookingId(n) }).book(request);
  } catch (error) {
    return say({ type: 'settled', n, outcome: { kind: isApiaryError(error, 'VALIDATION') ? 'refused' : 'failed', reason: String(error) } });
  }
  say({ type: 'accepted', n });
  say({ type: 'settled', n, outcome: await outcomeOf(handle) });
}

async function outcomeOf(handle: WorkflowHandle<Booking>): Promise<Outcome> {
  try {
    return { kind: 'booked', booking: await handle.result() };
  } catch (error) {
    return { kind: 'failed', reason: String(error) };
  }
}

async function history(): Promise<History> {
  const found = { workflows: 0, unfinished: 0, recovered: 0 };
  for await (const workflow of app.list({ idPrefix: bookingPrefix, limit: 1000 })) {
    found.workflows++;
    if (workflow.status !== 'SUCCESS') found.unfinished++;
    if (workflow.recoveries > 0) found.recovered++;
  }
  return found;
}

async function obey(message: ToWorker): Promise<void> {
  switch (message.type) {
    case 'book':
      return book(message.n, message.request);
    case 'watch':
      return say({ type: 'settled', n: message.n, outcome: await outcomeOf(app.handle<Booking>(bookingId(message.n))) });
    case 'history':
      return say({ type: 'history', ...(await history()) });
    case 'stop':
      await app.shutdown();
      process.disconnect();
  }
}

process.on('message', (message: ToWorker) => void obey(message));
say({ type: 'ready' });
