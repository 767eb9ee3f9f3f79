/** The command line. */
import { parseArgs } from 'node:util';
import { flightCount } from './flights.js';

export const usage = `npm start -- [options]

  --flights N      flights to book, the first N of the data set (default ${flightCount})
  --misspelt N     requests with an airport that does not exist, between the others (default 10)
  --kills N        workers to kill with SIGKILL on the way (default 5)
  --workers N      processes that work (default 2)
  --window N       bookings under way at one worker (default 32)
  --seed N         decides who is killed when (default: another one each time)
  --database NAME  the run's own database, dropped at the end (default apiary_travel)
  --plant WHAT     double or lost: damages one booking before the count, to see the count find it
  --help           this text
`;

export interface Options {
  readonly flights: number;
  readonly misspelt: number;
  readonly kills: number;
  readonly workers: number;
  readonly window: number;
  readonly seed: number;
  readonly database: string;
  readonly plant: 'double' | 'lost' | undefined;
}

/** What the user asked for cannot be. */
export class UsageError extends Error {}

/** @throws UsageError */
export function readOptions(args: readonly string[]): Options | 'help' {
  const text = { type: 'string' } as const;
  let values;
  try {
    ({ values } = parseArgs({
      args: [...args],
      options: { flights: text, misspelt: text, kills: text, workers: text, window: text, seed: text, database: text, plant: text, help: { type: 'boolean' } },
    }));
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
  if (values.help === true) return 'help';
  const options: Options = {
    flights: whole('flights', values.flights, flightCount, 1, flightCount),
    misspelt: whole('misspelt', values.misspelt, 10, 0, 10_000),
    kills: whole('kills', values.kills, 5, 0, 1000),
    workers: whole('workers', values.workers, 2, 1, 50),
    window: whole('window', values.window, 32, 1, 1000),
    seed: whole('seed', values.seed, Math.floor(Math.random() * 1_000_000), 0, 0xffff_ffff),
    database: values.database ?? 'apiary_travel',
    plant: plantOf(values.plant),
  };
  if (options.kills > options.flights / 20) throw new UsageError(`--kills ${options.kills}: one kill needs twenty flights, so that there is work to lose`);
  return options;
}

function plantOf(given: string | undefined): Options['plant'] {
  if (given === undefined || given === 'double' || given === 'lost') return given;
  throw new UsageError(`--plant ${given}: double or lost`);
}

function whole(name: string, given: string | undefined, otherwise: number, least: number, most: number): number {
  if (given === undefined) return otherwise;
  const value = Number(given);
  if (given.trim() === '' || !Number.isInteger(value) || value < least || value > most)
    throw new UsageError(`--${name} ${given}: a whole number from ${least} to ${most}`);
  return value;
}
