import { Communicator, isApiaryError, now, Procedure, type Query, Service, sleep, sql, start, Transaction, Workflow, workflowId } from '@apiary/core';
import { setTimeout as delay } from 'node:timers/promises';
import { note } from '../engine.js';
import type { Body, Branch, Op, Then } from './program.js';

/** How often each communicator was called, by workflow and place. */
export const told = new Map<string, number>();

/** What a body was told, in order, is in its outcome and in the input of each of its calls: a replay that is told otherwise cannot agree. */
@Service()
export class AnyFlows {
  @Transaction()
  async write(place: string, ms: number, _seen: string): Promise<string> {
    await note(place);
    if (ms > 0) await delay(ms);
    return place;
  }
  @Transaction({ isolation: 'read committed' })
  async jot(place: string, ms: number, _seen: string): Promise<string> {
    await note(place);
    if (ms > 0) await delay(ms);
    return place;
  }
  /** Its value is there before its COMMIT. */
  @Transaction({ isolation: 'read committed', readOnly: true })
  async peek(place: string, ms: number, _seen: string): Promise<string> {
    await sql`select 1`;
    if (ms > 0) await delay(ms);
    return place;
  }
  /** Its error shows at COMMIT. */
  @Transaction()
  async orphan(place: string, ms: number, _seen: string): Promise<string> {
    await note(`none of ${place}`);
    await sql`insert into child values (1)`;
    if (ms > 0) await delay(ms);
    return place;
  }
  @Transaction({ readOnly: true })
  async read(place: string, ms: number, _seen: string): Promise<string> {
    await sql`select 1`;
    if (ms > 0) await delay(ms);
    return place;
  }
  @Transaction()
  async fails(place: string, ms: number, _seen: string): Promise<string> {
    await note(`none of ${place}`);
    if (ms > 0) await delay(ms);
    throw new Error(place);
  }
  @Communicator()
  async tell(place: string, ms: number, _seen: string): Promise<string> {
    count(place);
    if (ms > 0) await delay(ms);
    return place;
  }
  @Communicator({ retry: { maxAttempts: 1 } })
  async mute(place: string, ms: number, _seen: string): Promise<string> {
    count(place);
    if (ms > 0) await delay(ms);
    throw new Error(place);
  }
  @Procedure()
  procedure(place: string, _seen: string): Query<number> {
    return sql`insert into ledger (workflow_id, step) values (${workflowId()}, ${place})`.count();
  }

  @Workflow()
  async run(body: Body): Promise<string> {
    const seen: string[] = [];
    const open: Promise<void>[] = [];
    for (const [s, { how, caught, branches }] of body.entries()) {
      const all = branches.map((branch, b) => this.#branch(branch, `${s}.${b}`, seen));
      open.push(...all);
      for (const branch of all) branch.catch(() => {});
      try {
        await (how === 'race' ? Promise.race(all) : how === 'all' ? Promise.all(all) : Promise.allSettled(all));
      } catch (error) {
        // Its siblings may be under way when the body ends.
        if (!caught && !isCancellation(error)) throw new Error(seen.join(), { cause: error });
      }
    }
    const cancelled = (await Promise.allSettled(open)).find((end) => end.status === 'rejected' && isCancellation(end.reason));
    if (cancelled?.status === 'rejected') throw cancelled.reason;
    return seen.join();
  }

  async #branch({ hops, ops }: Branch, branch: string, seen: string[]): Promise<void> {
    for (const [o, op] of ops.entries()) {
      for (let i = 0; i < hops; i++) await Promise.resolve();
      const place = `${branch}.${o}`;
      try {
        seen.push(await this.#call(op, place, seen.join()));
      } catch (error) {
        seen.push(`${place} failed`);
        throw error;
      }
    }
  }

  async #started(body: Body, then: Then, ms: number): Promise<string> {
    const handle = await start(AnyFlows, then === 'given a deadline' ? { deadline: `${ms * 5} ms` } : {}).run(body);
    if (then === 'cancelled') await handle.cancel();
    if (then === 'asked') return `${await handle.status()} ${await handle.result()}`;
    return handle.result(then === 'awaited for a time' ? { timeout: `${ms + 1} ms` } : {});
  }

  async #call(op: Op, place: string, seen: string): Promise<string> {
    switch (op.op) {
      case 'value':
        return String(now().getTime());
      case 'nap':
        await sleep(op.ms * 5);
        return place;
      case 'child':
        return this.run(op.body);
      case 'started':
        return this.#started(op.body, op.then, op.ms);
      case 'procedure':
        return `${place} ${await this.procedure(place, seen)}`;
      default:
        return this[op.op](place, op.ms, seen);
    }
  }
}

/** Of the workflow itself: nobody's error to catch, for nothing else can be done in it. */
function isCancellation(error: unknown): boolean {
  return isApiaryError(error, 'CANCELLED', 'DEADLINE') && error.workflowId === workflowId();
}

function count(place: string): void {
  const key = `${workflowId()} ${place}`;
  told.set(key, (told.get(key) ?? 0) + 1);
}
