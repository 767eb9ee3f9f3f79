/** Batch import: chunks in parallel, one bad chunk does not stop the rest. */
import { Apiary, Communicator, Service, Transaction, Workflow, db } from '@apiary/core';

type Row = Record<string, string>;

@Service()
class Source {
  @Communicator({ timeout: '1 minute' })
  async chunks(url: string): Promise<string[]> {
    return ((await (await fetch(url)).json()) as { chunks: string[] }).chunks;
  }
  @Communicator()
  async rows(chunk: string): Promise<Row[]> {
    return (await (await fetch(chunk)).json()) as Row[];
  }
}

@Service()
class Store {
  @Transaction({ isolation: 'read committed', timeout: '2 minutes' })
  async insert(rows: Row[]): Promise<number> {
    await db.batchInsert('imported', rows, 500);
    return rows.length;
  }
  @Transaction({ readOnly: true })
  async count(): Promise<{ imported: number }> {
    const row = await db('imported').count<{ count: string }>('* as count').first();
    return { imported: Number(row?.count ?? 0) };
  }
}

@Service()
export class Imports {
  constructor(
    private readonly source: Source,
    private readonly store: Store,
  ) {}

  @Workflow({ deadline: '6 hours' })
  async run(url: string): Promise<{ before: number; rows: number; failed: string[] }> {
    const [chunks, before] = await Promise.all([this.source.chunks(url), this.store.count()]);
    const rows = await Promise.allSettled(chunks.map((chunk) => this.source.rows(chunk)));
    const outcomes = await Promise.allSettled(rows.flatMap((r) => (r.status === 'fulfilled' ? [this.store.insert(r.value)] : [])));
    return {
      before: before.imported,
      rows: outcomes.reduce((sum, o) => sum + (o.status === 'fulfilled' ? o.value : 0), 0),
      failed: chunks.filter((_, i) => rows[i]?.status === 'rejected'),
    };
  }
}

if (process.argv[2]) {
  await using app = await Apiary.launch({ services: [Imports] });
  console.log(await app.get(Imports).run(process.argv[2]));
}
