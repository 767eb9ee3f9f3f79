import type pg from 'pg';
import { RawSteps } from './steps.js';

/** The same on connections of `pg` in pipeline mode: what need not wait for an answer is sent at once. */
export class PipelinedSteps extends RawSteps {
  constructor(url: string, size: number) {
    super(url, size, { table: 'raw_pipelined_step', pipeline: true });
  }

  override async transaction<R>(workflowId: string, step: number, body: (client: pg.PoolClient) => Promise<R>): Promise<R> {
    const client = await this.pool.connect();
    try {
      const begun = client.query('begin');
      const output = await body(client);
      // A row that was there fails the transaction: COMMIT, right behind it, then rolls back.
      await Promise.all([begun, client.query(this.record(workflowId, step, output)), client.query('commit')]);
      return output;
    } catch (error) {
      await client.query('rollback');
      return await this.earlier<R>(workflowId, step, error);
    } finally {
      client.release();
    }
  }

  override queries<Row extends pg.QueryResultRow>(client: pg.PoolClient, queries: readonly pg.QueryConfig[]): Promise<pg.QueryResult<Row>[]> {
    return Promise.all(queries.map((query) => client.query<Row>(query)));
  }
}
