/** The services of the tests of recovery. The effects table has no unique key: what happens twice leaves two rows. */
import { Communicator, Inject, Procedure, Service, Transaction, Workflow, idempotencyKey, sleep, sql, start, token, workflowId } from '@apiary/core';
import { callWitness } from '@apiary/testing/internal';
import type { Knex } from 'knex';
import { gates } from './gates.js';

/** Where the witness listens; empty for none. */
export const WITNESS = token<string>('witness');

export async function effectTable(knex: Knex): Promise<void> {
  await knex.raw(
    'create table if not exists effect (entry bigint generated always as identity, workflow_id text not null, step text not null, pid int not null)',
  );
}

@Service()
export class Effects {
  constructor(@Inject(WITNESS) private readonly witness: string) {}

  @Transaction()
  async write(step: string, gate?: string): Promise<string> {
    return this.insert(step, gate);
  }
  @Transaction({ isolation: 'repeatable read' })
  async writeRepeatable(step: string, gate?: string): Promise<string> {
    return this.insert(step, gate);
  }
  @Transaction({ isolation: 'read committed' })
  async writeCommitted(step: string, gate?: string): Promise<string> {
    return this.insert(step, gate);
  }
  @Transaction({ readOnly: true })
  async count(): Promise<number> {
    return (await sql<{ n: number }>`select count(*)::int as n from effect`.one()).n;
  }
  @Procedure()
  put(step: string) {
    return sql<{ step: string }>`insert into effect (workflow_id, step, pid) values ('procedure', ${step}, ${process.pid}) returning step`.one();
  }
  @Communicator()
  async tell(what: string, gate?: string): Promise<string> {
    if (gate !== undefined) await gates.at(gate);
    await this.told(what);
    return `told ${what}`;
  }
  /** Kills the process that runs it. */
  @Communicator()
  async poison(): Promise<void> {
    process.kill(process.pid, 'SIGKILL');
    await new Promise(() => {});
  }

  private async insert(step: string, gate: string | undefined): Promise<string> {
    await sql`insert into effect (workflow_id, step, pid) values (${workflowId()}, ${step}, ${process.pid})`;
    if (gate !== undefined) await gates.at(gate);
    return step;
  }

  private async told(what: string): Promise<void> {
    if (this.witness !== '')
      await callWitness(this.witness, { key: idempotencyKey(), name: what, workflowId: workflowId(), at: Date.now(), detail: process.pid });
  }
}

@Service()
export class Flows {
  constructor(private readonly effects: Effects) {}

  @Workflow()
  async writes(...steps: string[]): Promise<number> {
    for (const step of steps) await this.effects.write(step);
    return steps.length;
  }
  /** The step before the gate is durable when it is reached. */
  @Workflow()
  async stops(gate: string): Promise<string> {
    await this.effects.write('before');
    await this.effects.tell('at the gate');
    await gates.at(gate);
    await this.effects.write('after');
    return 'done';
  }
  /** Nothing is left to flush at the gate; the next thing is a call to the outside. */
  @Workflow()
  async stopsThenTells(gate: string): Promise<string> {
    await this.effects.write('before');
    await sleep(1);
    await gates.at(gate);
    return this.effects.tell('after the gate');
  }
  /** Stops with an open transaction that has written. */
  @Workflow()
  async stopsInTransaction(isolation: 'serializable' | 'repeatable read' | 'read committed', gate: string): Promise<string> {
    await this.effects.tell('first');
    const write = { serializable: 'write', 'repeatable read': 'writeRepeatable', 'read committed': 'writeCommitted' } as const;
    await this.effects[write[isolation]]('inside', gate);
    return this.effects.tell('last');
  }
  /** Makes no progress. */
  @Workflow({ maxRecoveries: 1 })
  async stuck(gate: string): Promise<string> {
    await gates.at(gate);
    return 'free';
  }
  /** One record a life. */
  @Workflow({ maxRecoveries: 1 })
  async slow(lives: number): Promise<number> {
    for (let i = 0; i < lives; i++) {
      await this.effects.tell(`life ${i}`);
      await gates.at(`slow ${i}`);
    }
    return lives;
  }
  @Workflow({ maxRecoveries: 3 })
  async poisonous(): Promise<void> {
    await this.effects.poison();
  }
  @Workflow({ maxRecoveries: 3 })
  async good(gate: string): Promise<string> {
    await gates.at(gate);
    await this.effects.writeCommitted('good');
    return 'good';
  }
  /** Calls a child inline, which stops after its first record. */
  @Workflow({ maxRecoveries: 1 })
  async parent(gate: string): Promise<string> {
    const child = await this.child(gate);
    await this.effects.write('parent');
    return `parent of ${child}`;
  }
  @Workflow({ maxRecoveries: 2 })
  async child(gate: string): Promise<string> {
    await this.effects.write('child 1');
    await gates.at(gate);
    await this.effects.write('child 2');
    await gates.at(`${gate} again`);
    return 'child';
  }
  /** Starts a child of its own and waits for it. */
  @Workflow()
  async starter(gate: string): Promise<string> {
    const handle = await start(Flows).child(gate);
    return `started ${await handle.result()}`;
  }
  /** A sleep behind a gate. */
  @Workflow()
  async stopsThenNaps(gate: string, ms: number): Promise<string> {
    await this.effects.tell('before the gate');
    await gates.at(gate);
    await sleep(ms);
    return 'rested';
  }
  @Workflow()
  async naps(ms: number): Promise<string> {
    await this.effects.tell('before the nap');
    await sleep(ms);
    await this.effects.write('after the nap');
    return 'rested';
  }
}
