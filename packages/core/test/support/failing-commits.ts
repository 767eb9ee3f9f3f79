/**
 * Makes commits fail on the server, where they are numbered: a deferred trigger on the engine's tables fires when everything of a transaction
 * is done and only its COMMIT is left. Sequences are not rolled back, so a number is never given twice.
 */
import type pg from 'pg';

/** `lost row`: as if a row of it belonged to somebody else. `lost connection`: the backend ends instead. */
export type CommitFault = '40001' | '40P01' | 'lost connection' | 'lost row';

const schema = `
  create table public.commit_fault (kind text not null, at bigint not null, every bigint not null);
  create sequence public.commits;
  create sequence public.commit_faults;
  create function public.fail_commit() returns trigger language plpgsql as $$
  declare fault record;
  declare n bigint;
  begin
    -- one number a transaction, however many rows it has
    if current_setting('test.seen', true) = pg_current_xact_id()::text then return null; end if;
    perform set_config('test.seen', pg_current_xact_id()::text, true);
    n := nextval('public.commits');
    select * into fault from public.commit_fault;
    if not found or not (n = fault.at or (fault.every > 0 and n % fault.every = 0)) then return null; end if;
    perform nextval('public.commit_faults');
    if fault.kind = 'lost connection' then
      perform pg_terminate_backend(pg_backend_pid());
      perform pg_sleep(10);
    elsif fault.kind = 'lost row' then
      raise exception using errcode = '23505', schema = 'apiary', table = 'function_record', message = 'raised at commit by the test';
    end if;
    raise exception using errcode = fault.kind, message = 'raised at commit by the test';
  end $$;
  create constraint trigger fail_commit after insert on apiary.function_record deferrable initially deferred for each row execute function public.fail_commit();
  create constraint trigger fail_commit after insert or update on apiary.workflow_status deferrable initially deferred for each row execute function public.fail_commit();`;

export class FailingCommits {
  readonly #admin: pg.Client;

  private constructor(admin: pg.Client) {
    this.#admin = admin;
  }

  /** To be called once the engine's tables exist. */
  static async install(admin: pg.Client): Promise<FailingCommits> {
    await admin.query(schema);
    return new FailingCommits(admin);
  }

  /** The commits from now on are counted from 1; the n-th fails. */
  async fail(kind: CommitFault, at: number): Promise<void> {
    await this.#set(kind, at, 0);
  }

  /** Every n-th fails. */
  async failEvery(kind: CommitFault, every: number): Promise<void> {
    await this.#set(kind, 0, every);
  }

  /** None fails; they are counted from 1. */
  async failNone(): Promise<void> {
    await this.#set('40001', 0, 0);
  }

  async #set(kind: CommitFault, at: number, every: number): Promise<void> {
    await this.#admin.query('truncate public.commit_fault; alter sequence public.commits restart; alter sequence public.commit_faults restart');
    await this.#admin.query('insert into public.commit_fault values ($1, $2, $3)', [kind, at, every]);
  }

  /** How many commits there were, and how many of them failed. */
  async counts(): Promise<{ readonly commits: number; readonly faults: number }> {
    const { rows } = await this.#admin.query<{
      commits: number;
      faults: number;
    }>(`select (select case when is_called then last_value else 0 end from public.commits)::int as commits,
      (select case when is_called then last_value else 0 end from public.commit_faults)::int as faults`);
    return rows[0] ?? { commits: 0, faults: 0 };
  }
}
