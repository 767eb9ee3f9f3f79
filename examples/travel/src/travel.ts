/** One run: a database of its own, the partners, the workers, the client, the kills, and the count at the end. */
import pg from 'pg';
import { audit, type Audit } from './audit.js';
import type { BookingRequest } from './booking.js';
import { Client } from './client/client.js';
import { Crew } from './client/crew.js';
import { Killer, type Kill } from './client/killer.js';
import { openDatabase } from './database.js';
import type { History } from './messages.js';
import { startPartners } from './partners/partners.js';
import type { Progress } from './progress.js';

export interface TravelOptions {
  readonly requests: readonly BookingRequest[];
  readonly database: string;
  readonly kills: number;
  readonly workers: number;
  readonly window: number;
  readonly seed: number;
  readonly plant?: 'double' | 'lost' | undefined;
  readonly progress?: Progress | undefined;
  /** Ends the run early: nothing is left behind. */
  readonly signal?: AbortSignal | undefined;
}

export interface Travel {
  readonly audit: Audit;
  readonly history: History;
  readonly kills: readonly (Kill & { readonly signal: unknown })[];
  /** Requests asked again because a worker died before it acknowledged them. */
  readonly askedAgain: number;
  readonly seconds: number;
  /** Where to look, when the count is wrong. */
  readonly kept: { readonly database: string; readonly folder: string } | undefined;
}

/** @throws what keeps the run from its end; not what the count finds */
export async function travel(options: TravelOptions): Promise<Travel> {
  const { requests, progress, signal } = options;
  const cleanUp: (() => Promise<unknown>)[] = [];
  let keep = false;
  try {
    const database = await openDatabase(options.database);
    cleanUp.push(() => (keep ? database.leave() : database.drop()));
    const partners = await startPartners();
    cleanUp.push(
      () => (keep ? Promise.resolve() : partners.forget()),
      () => partners.stop(),
    );
    const crew = new Crew({ DATABASE_URL: database.url, TRAVEL_PARTNERS: partners.address });
    cleanUp.push(() => crew.stop(false));
    const killer = new Killer(options.seed, options.kills, requests.length);
    const client: Client = new Client(requests, options.window, () => {
      progress?.settled(client.outcomes.size);
      const kill = killer.look(client.outcomes.size, crew, client);
      if (kill !== undefined) progress?.killed(kill);
    });
    crew.start(options.workers, client);
    await Promise.race([client.finished, crew.broken, aborted(signal)]);
    progress?.stop();
    const seconds = (performance.now() - client.began) / 1000;
    const history = await crew.history();
    await crew.stop(true);
    if (options.plant !== undefined) await damage(database.url, options.plant);
    const counted = await audit(database.url, await partners.entries(), client.outcomes, requests);
    keep = options.plant === undefined && counted.lost.length + counted.doubled.length > 0;
    const signals = await Promise.all(killer.signals);
    const kills = killer.kills.map((kill, i) => ({ ...kill, signal: signals[i] }));
    return {
      audit: counted,
      history,
      kills,
      seconds,
      askedAgain: client.askedAgain,
      kept: keep ? { database: database.name, folder: partners.folder } : undefined,
    };
  } finally {
    progress?.stop();
    for (const step of cleanUp.reverse()) await step();
  }
}

/** Rejects when the run is to end early. */
function aborted(signal: AbortSignal | undefined): Promise<never> {
  return new Promise((_, reject) => signal?.addEventListener('abort', () => reject(new Error('interrupted')), { once: true }));
}

/** The fault that the count must find. */
async function damage(url: string, plant: 'double' | 'lost'): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  await client.query(
    plant === 'double' ? 'insert into ticket select * from ticket limit 1' : 'delete from ticket where booking = (select booking from ticket limit 1)',
  );
  await client.end();
}
