import pg from 'pg';

const BEGIN = 'begin';
const DUPLICATE = '23505';

/**
 * What a careful programmer writes by hand on `pg`: every step of a workflow is one transaction that also inserts one row under the workflow's id and the
 * step's number. A repeated call runs into the row and returns what it holds.
 */
export class RawSteps {
  readonly pool: pg.Pool;
  readonly #table: string;

  constructor(url: string, size: number, { table = 'raw_step', pipeline = false } = {}) {
    this.pool = new pg.Pool({ connectionString: url, max: size, pipeline });
    this.#table = table;
  }

  async createTables(): Promise<void> {
    await this.pool.query(`create table ${this.#table} (workflow_id text, step int, output text, primary key (workflow_id, step))`);
  }

  /** A writing transaction: BEGIN, the statements of `body`, the row, COMMIT. */
  async transaction<R>(workflowId: string, step: number, body: (client: pg.PoolClient) => Promise<R>): Promise<R> {
    const client = await this.pool.connect();
    try {
      await client.query(BEGIN);
      const output = await body(client);
      await client.query(this.record(workflowId, step, output));
      await client.query('commit');
      return output;
    } catch (error) {
      await client.query('rollback');
      return await this.earlier<R>(workflowId, step, error);
    } finally {
      client.release();
    }
  }

  /** Statements of a transaction that need nothing of each other. */
  async queries<Row extends pg.QueryResultRow>(client: pg.PoolClient, queries: readonly pg.QueryConfig[]): Promise<pg.QueryResult<Row>[]> {
    const results: pg.QueryResult<Row>[] = [];
    for (const query of queries) results.push(await client.query<Row>(query));
    return results;
  }

  /** A read: one plain statement, not recorded, because who writes by hand would not. */
  async read<Row extends pg.QueryResultRow>(query: pg.QueryConfig): Promise<Row[]> {
    return (await this.pool.query<Row>(query)).rows;
  }

  /** A call to the outside: afterwards its row, which is a transaction of its own. */
  async communicator<R>(workflowId: string, step: number, call: () => Promise<R>): Promise<R> {
    const output = await call();
    try {
      await this.pool.query(this.record(workflowId, step, output));
      return output;
    } catch (error) {
      return await this.earlier<R>(workflowId, step, error);
    }
  }

  protected async earlier<R>(workflowId: string, step: number, error: unknown): Promise<R> {
    if ((error as { code?: string }).code !== DUPLICATE) throw error;
    const query = { name: 'earlier', text: `select output from ${this.#table} where workflow_id = $1 and step = $2`, values: [workflowId, step] };
    const [row] = await this.read<{ output: string }>(query);
    if (!row) throw error;
    return JSON.parse(row.output) as R;
  }

  protected record(workflowId: string, step: number, output: unknown): pg.QueryConfig {
    return {
      name: 'record',
      text: `insert into ${this.#table} (workflow_id, step, output) values ($1, $2, $3)`,
      values: [workflowId, step, JSON.stringify(output)],
    };
  }
}
