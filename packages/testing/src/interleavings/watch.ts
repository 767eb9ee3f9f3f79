/** What a schedule's database notes and refuses: which transactions wrote to the user's tables, and commits that are to conflict. */
import { namesOf } from '@apiary/core/internal';
import type pg from 'pg';
import { engineTables } from '../crashes/canonical-state.js';
import type { Decision } from './decision.js';

/** Not the user's. */
export const watchSchema = 'apiary_watch';

/** Puts it into a database that has its tables. */
export async function installWatch(client: pg.Client, schema: string): Promise<void> {
  const names = namesOf(schema);
  await client.query(`
    create schema ${watchSchema};
    create table ${watchSchema}.effect (xid xid8 not null, written text not null);
    create table ${watchSchema}.conflict (place bigint not null, state text not null);
    create sequence ${watchSchema}.places;
    create sequence ${watchSchema}.raised;
    create function ${watchSchema}.note() returns trigger language plpgsql security definer as $$
    begin
      insert into ${watchSchema}.effect values (pg_current_xact_id(), tg_op || ' of ' || tg_table_name);
      return null;
    end $$;
    create function ${watchSchema}.refuse() returns trigger language plpgsql security definer as $$
    declare
      present constant bigint := nextval('${watchSchema}.places');
      wanted text;
    begin
      select state into wanted from ${watchSchema}.conflict where place = present;
      if wanted is not null then
        perform nextval('${watchSchema}.raised');
        raise exception using errcode = wanted, message = 'could not commit: a conflict of the schedule';
      end if;
      return null;
    end $$;
    create constraint trigger apiary_watch after insert on ${names.record} deferrable initially deferred for each row execute function ${watchSchema}.refuse();
    create constraint trigger apiary_watch after insert on ${names.workflow} deferrable initially deferred for each row execute function ${watchSchema}.refuse();
  `);
  const { rows } = await client.query<{ name: string }>(
    `select format('%I.%I', table_schema, table_name) as name from information_schema.tables
     where table_type = 'BASE TABLE' and table_schema <> 'information_schema' and table_schema not like 'pg\\_%' and table_schema <> $3
       and not (table_schema = $1 and table_name = any($2))`,
    [schema, engineTables, watchSchema],
  );
  for (const { name } of rows) {
    await client.query(`create trigger apiary_watch after insert or update or delete on ${name} for each statement execute function ${watchSchema}.note()`);
  }
}

/** What was written before does not count; from now on these commits conflict. */
export async function startWatch(client: pg.Client, decisions: readonly Decision[]): Promise<void> {
  await client.query(
    `delete from ${watchSchema}.effect; delete from ${watchSchema}.conflict; select setval('${watchSchema}.places', 1, false), setval('${watchSchema}.raised', 1, false)`,
  );
  for (const decision of decisions) {
    if (decision.kind === 'conflict') await client.query(`insert into ${watchSchema}.conflict values ($1, $2)`, [decision.row, decision.state]);
  }
}

/** No commit conflicts any more. Gives how many were refused. */
export async function endConflicts(client: pg.Client): Promise<number> {
  await client.query(`delete from ${watchSchema}.conflict`);
  const { rows } = await client.query<{ raised: number }>(`select case when is_called then last_value else 0 end::int as raised from ${watchSchema}.raised`);
  return rows[0]?.raised ?? 0;
}

/** Committed writes to the user's tables whose transaction made no record and no outcome. */
export async function effectsWithoutRecord(client: pg.Client, schema: string): Promise<readonly string[]> {
  const names = namesOf(schema);
  const short = `(e.xid::text::numeric % 4294967296)::text`;
  const { rows } = await client.query<{ written: string; xid: string }>(
    `select e.written, e.xid::text as xid from ${watchSchema}.effect e
     where not exists (select from ${names.record} f where f.xid = e.xid or f.xmin::text = ${short})
       and not exists (select from ${names.workflow} w where w.xid = e.xid or w.xmin::text = ${short})`,
  );
  return rows.map(({ written, xid }) => `an effect without a record: ${written}, by transaction ${xid}`);
}
