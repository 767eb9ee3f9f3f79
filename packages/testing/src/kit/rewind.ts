/** A database that is brought back to what it held, which is many times faster than a new copy of its template. */
import pg from 'pg';

/** What is kept of each table; not the user's. */
export const rewindSchema = 'apiary_rewind';
const lockTimeoutMs = 5000;

interface Table {
  readonly name: string;
  readonly kept: string;
  readonly columns: string;
}

/** Changes when tables, functions, triggers, columns come or go. */
const fingerprint = `select concat_ws(' ', (select count(*) || '/' || max(oid) from pg_class), (select count(*) || '/' || max(oid) from pg_proc),
  (select count(*) || '/' || max(oid) from pg_constraint), (select count(*) || '/' || max(oid) from pg_trigger),
  (select count(*) || '/' || max(oid) from pg_type), (select count(*) from pg_attribute), (select count(*) from pg_namespace)) as print`;

const tablesOf = `select format('%I.%I', n.nspname, c.relname) as name, format('%I.%I', '${rewindSchema}', 'k' || c.oid) as kept,
    (select string_agg(quote_ident(a.attname), ', ' order by a.attnum) from pg_attribute a
      where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped and a.attgenerated = '') as columns
  from pg_class c join pg_namespace n on n.oid = c.relnamespace
  where c.relkind = 'r' and n.nspname <> 'information_schema' and n.nspname not like 'pg\\_%'`;

const sequencesOf = `select format('setval(%L, %s, %L)', format('%I.%I', schemaname, sequencename), coalesce(last_value, start_value), last_value is not null) as reset
  from pg_sequences where schemaname <> 'information_schema' and schemaname not like 'pg\\_%'`;

export class Rewind {
  readonly #database: string;
  readonly #script: string;
  readonly #print: string;

  private constructor(database: string, script: string, print: string) {
    this.#database = database;
    this.#script = script;
    this.#print = print;
  }

  /** Remembers what a database holds now. */
  static async of(database: string): Promise<Rewind> {
    return withClient(database, async (client) => {
      const { rows: tables } = await client.query<Table>(tablesOf);
      const { rows: sequences } = await client.query<{ reset: string }>(sequencesOf);
      await client.query([`create schema ${rewindSchema}`, ...tables.map(({ name, kept }) => `create table ${kept} as table ${name}`)].join(';\n'));
      // Triggers and foreign keys are off: rows come back as they were, in any order.
      const script = [
        'begin',
        `set local lock_timeout = ${lockTimeoutMs}`,
        'set local session_replication_role = replica',
        ...tables.map(({ name }) => `delete from ${name}`),
        ...tables.map(({ name, kept, columns }) => `insert into ${name} (${columns}) overriding system value select ${columns} from ${kept}`),
        ...sequences.map(({ reset }) => `select ${reset}`),
        'commit',
      ].join(';\n');
      return new Rewind(database, script, await printOf(client));
    });
  }

  /** False if that cannot be: what the database is made of has changed, or the account may not switch triggers off. */
  async rewind(): Promise<boolean> {
    return withClient(this.#database, async (client) => {
      if ((await printOf(client)) !== this.#print) return false;
      try {
        await client.query(this.#script);
        return true;
      } catch {
        return false;
      }
    });
  }
}

async function printOf(client: pg.Client): Promise<string> {
  const { rows } = await client.query<{ print: string }>(fingerprint);
  return rows[0]?.print ?? '';
}

async function withClient<T>(connectionString: string, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString });
  client.on('error', () => {});
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}
