/** `npm start`: ten thousand bookings, some workers killed on the way, and a count at the end. Exits with 1 if anything is lost or doubled. */
import { requestsFor } from './flights.js';
import { readOptions, usage, UsageError, type Options } from './options.js';
import { progressOf } from './progress.js';
import { isRight, report } from './report.js';
import { misspell } from './misspell.js';
import { travel } from './travel.js';

async function main(options: Options): Promise<boolean> {
  const requests = misspell(requestsFor(options.flights), options.misspelt);
  console.log(
    `Booking ${options.flights.toLocaleString('en')} flights with ${options.workers} workers; ${options.kills} times one is killed (seed ${options.seed}).`,
  );
  const interrupt = new AbortController();
  for (const name of ['SIGINT', 'SIGTERM'] as const) process.once(name, () => interrupt.abort());
  const done = await travel({ ...options, requests, progress: progressOf(requests.length, process.stdout), signal: interrupt.signal });
  console.log(`\n${report(done)}`);
  return isRight(done);
}

try {
  const options = readOptions(process.argv.slice(2));
  if (options === 'help') console.log(usage);
  else if (!(await main(options))) process.exitCode = 1;
} catch (error) {
  if (error instanceof UsageError) console.error(`${error.message}\n\n${usage}`);
  else console.error(`The run did not come to its end: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = error instanceof UsageError ? 2 : 1;
}
