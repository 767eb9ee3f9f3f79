/** A report: a snapshot of the sales in one read-only transaction, written to a file store. */
import { Apiary, Communicator, Service, Transaction, Workflow, sql } from '@apiary/core';

interface Total {
  region: string;
  cents: string;
}

@Service()
class Sales {
  @Transaction({ readOnly: true, isolation: 'repeatable read' })
  async totals(day: Date, region?: string): Promise<Total[]> {
    return sql<Total>`select region, sum(cents) as cents from sale where day = ${day} and (${region ?? null}::text is null or region = ${region ?? null}) group by 1`;
  }
}

class Files {
  @Communicator({ retry: { maxAttempts: 10 } })
  async upload(name: string, body: string): Promise<void> {
    await fetch(`https://files.example/${name}`, { method: 'PUT', body });
  }
}

@Service()
export class Reports {
  constructor(
    private readonly sales: Sales,
    private readonly files: Files,
  ) {}

  @Workflow()
  async nightly(slot: Date): Promise<number> {
    const totals = await this.sales.totals(slot);
    await this.files.upload(`${slot.toISOString()}.json`, JSON.stringify(totals));
    return totals.length;
  }

  @Workflow()
  async weekly(slot: Date, region: string): Promise<void> {
    await this.files.upload(`${region}-${slot.toISOString()}.json`, JSON.stringify(await this.sales.totals(slot, region)));
  }

  @Workflow()
  async heartbeat(): Promise<void> {}
}

const app = await Apiary.launch({ services: [Reports] });
await app.get(Reports).nightly(new Date('2026-03-01')); // by hand: a plain call
await app.get(Reports).weekly(new Date('2026-03-01'), 'asia');
