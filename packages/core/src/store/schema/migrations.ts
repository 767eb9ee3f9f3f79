/** The numbered migrations of the engine's own tables. A released one is never changed; a new one is appended. */
import { foldedView } from '../statements/fold-records.js';
import type { Names } from './names.js';

export interface Migration {
  readonly version: number;
  readonly statements: (names: Names) => readonly string[];
}

/**
 * Compared byte by byte, whatever the database's own collation is: an update of the operating system or of ICU may order texts anew, and an
 * index in another order no longer finds what it holds, the unique ones too on which exactly-once rests.
 */
const text = 'text collate "C"';

export const migrations: readonly Migration[] = [
  {
    version: 1,
    statements: (n) => [
      // One row a process start. The id is random and never reused; lock_key names its advisory lock.
      `create table ${n.executor} (
        executor_id ${text} primary key,
        lock_key bigint not null,
        name ${text} not null,
        app_version ${text} not null,
        lease_counter bigint not null default 0,
        lease_until timestamptz not null,
        fenced boolean not null default false,
        -- a fenced executor stays in the scan until a claim found nothing
        settled boolean not null default false,
        started_at timestamptz not null default clock_timestamp(),
        takeovers integer not null default 0,
        -- so that a takeover conflicts with FOR KEY SHARE, which a renewal does not
        unique (executor_id, takeovers)
      ) with (fillfactor = 50)`,
      `create index on ${n.executor} (app_version) where not settled`,
      // Status, input and outcome of a workflow. Output and error are JSON text: jsonb reorders keys and refuses NUL.
      `create table ${n.workflow} (
        workflow_id ${text} primary key,
        name ${text} not null,
        kind ${text} not null,
        input ${text},
        input_hash ${text},
        executor_id ${text},
        epoch integer not null default 1,
        app_version ${text} not null,
        -- claims since the last new record (DEAD counts these), all claims, and the number of records at the last claim
        attempts integer not null default 0,
        recoveries integer not null default 0,
        claimed_records integer not null default 0,
        parent_id ${text},
        root_id ${text},
        forked_from ${text},
        deadline timestamptz,
        xid xid8 not null default pg_current_xact_id(),
        created_at timestamptz not null default clock_timestamp(),
        cancel_requested boolean not null default false,
        wake_at timestamptz,
        -- what an outcome changes comes last: the log holds an update from the first changed byte on
        status ${text} not null,
        output ${text},
        error ${text},
        updated_at timestamptz not null default clock_timestamp(),
        -- those that came with the row's start, as fold-records.ts writes them
        records ${text}
      ) with (fillfactor = 85)`,
      `create index on ${n.workflow} (executor_id, wake_at) where status in ('PENDING', 'ENQUEUED', 'DELAYED')`,
      // Lists: the id only breaks ties, an incremental sort does that; a narrow index costs each start less.
      `create index on ${n.workflow} (created_at)`,
      `create index on ${n.workflow} (parent_id) where parent_id is not null`,
      // The record of each step.
      `create table ${n.record} (
        workflow_id ${text} not null,
        step_id ${text} not null,
        name ${text} not null,
        kind ${text} not null,
        input_hash ${text},
        output ${text},
        error ${text},
        attempts integer not null default 1,
        child_id ${text},
        executor_id ${text} not null,
        epoch integer not null,
        started_at bigint not null,
        completed_at bigint,
        xid xid8 not null default pg_current_xact_id(),
        primary key (workflow_id, step_id)
      )`,
      // The paper's function status table and the trace at once: wherever a record is kept.
      foldedView(n),
      // A check inside a flight has to fail the flight: one that merely yields no row stops nothing.
      `create function ${n.refuse}(code text, message text) returns text language plpgsql volatile as $body$
      begin
        raise exception using errcode = code, message = message;
      end
      $body$`,
    ],
  },
];
export const latestVersion = migrations.at(-1)?.version ?? 0;
