import type { ClientBase } from 'pg';
import { commits, type Hit } from './tcp/rule.js';
import type { TcpProxy } from './tcp/tcp-proxy.js';
import { until } from './until.js';

/** Where a backend stands when it is killed, as the server itself sees it. */
export type BackendPhase = 'idle' | 'idle in transaction' | 'idle in failed transaction' | 'in a statement' | 'waiting for a lock';

/** Proof of a kill: what pg_stat_activity said in the statement that killed. */
export interface KilledBackend {
  readonly pid: number;
  readonly state: string;
  readonly query: string;
  readonly waitEvent: string | null;
}

const conditions: Readonly<Record<BackendPhase, string>> = {
  idle: `state = 'idle'`,
  'idle in transaction': `state = 'idle in transaction'`,
  'idle in failed transaction': `state = 'idle in transaction (aborted)'`,
  'in a statement': `state = 'active' and wait_event_type is distinct from 'Lock'`,
  'waiting for a lock': `state = 'active' and wait_event_type = 'Lock'`,
};

/**
 * Waits until the backend is in the phase, terminates it in the same statement that saw it there, and resolves when it is gone.
 *
 * @param admin a connection of a role that may terminate the backend
 * @param query only while its present or last statement matches this LIKE pattern
 */
export async function killBackendWhen(admin: ClientBase, pid: number, phase: BackendPhase, query = '%'): Promise<KilledBackend> {
  const text = `select pid, state, query, wait_event as "waitEvent", pg_terminate_backend(pid) as killed
    from pg_stat_activity where pid = $1 and query like $2 and ${conditions[phase]}`;
  const { killed: _, ...proof } = await until(`backend ${pid} is ${phase}`, async () => {
    const [row] = (await admin.query<KilledBackend & { killed: boolean }>(text, [pid, query])).rows;
    return row?.killed === true && row;
  });
  await backendGone(admin, pid);
  return proof;
}

/** Terminates a backend wherever it stands, and resolves when it is gone; false if there was none. */
export async function killBackend(admin: ClientBase, pid: number): Promise<boolean> {
  const { rows } = await admin.query<{ killed: boolean }>('select pg_terminate_backend($1) as killed from pg_stat_activity where pid = $1', [pid]);
  await backendGone(admin, pid);
  return rows[0]?.killed === true;
}

/** `pg_terminate_backend` returns before the backend is gone, and a COMMIT may still succeed in between. */
export async function backendGone(admin: ClientBase, pid: number): Promise<void> {
  await until(`backend ${pid} is gone`, async () => (await admin.query('select from pg_stat_activity where pid = $1', [pid])).rowCount === 0);
}

/**
 * Kills the backend of the next commit through the proxy, right before its COMMIT would reach it: all statements of the transaction are done,
 * the final flight is on its way and arrives nowhere.
 */
export async function killBackendBeforeCommit(admin: ClientBase, proxy: TcpProxy): Promise<Hit & { readonly killed: boolean }> {
  const rule = proxy.add({ on: 'request', is: commits, fault: { kind: 'hold request' } });
  const hit = await rule.hit;
  const killed = hit.pid !== undefined && (await killBackend(admin, hit.pid));
  rule.remove();
  return { ...hit, killed };
}

/** Kills the backend of the next commit through the proxy after it has committed, while its answer is still under way; the answer is lost. */
export async function killBackendAfterCommit(admin: ClientBase, proxy: TcpProxy): Promise<Hit> {
  const rule = proxy.add({ on: 'request', is: commits, fault: { kind: 'lose answer' } });
  const hit = await rule.hit;
  if (hit.pid !== undefined) await killBackend(admin, hit.pid);
  rule.remove();
  return hit;
}

/** Kills a backend as the kernel would when memory runs out (SIGKILL): PostgreSQL then restarts all of them, with crash recovery. */
export function crashBackend(pid: number): void {
  process.kill(pid, 'SIGKILL');
}
