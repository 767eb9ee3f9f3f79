import { Service, Workflow } from '@apiary/core';
import { DbSteps, TogetherDbSteps } from './db-steps.js';
import { BatchSteps, SqlSteps } from './sql-steps.js';

/** The workflows over `sql`. */
@Service()
export class SqlFlows {
  constructor(private readonly steps: SqlSteps) {}

  @Workflow()
  async tx1(account: number): Promise<number> {
    return await this.steps.debit(account);
  }

  @Workflow()
  async order(account: number): Promise<number> {
    const quantity = await this.steps.look(account);
    await this.steps.reserve(account);
    await this.steps.noop();
    await this.steps.debit(account);
    return quantity;
  }

  @Workflow()
  async steps10(): Promise<number> {
    for (let step = 0; step < 10; step++) await this.steps.noop();
    return 10;
  }

  /** For the study of long workflows. */
  @Workflow()
  async long(count: number): Promise<number> {
    for (let step = 0; step < count; step++) await this.steps.noop();
    return count;
  }

  @Workflow()
  async empty(): Promise<number> {
    return 1;
  }

  @Workflow()
  async children10(account: number): Promise<number> {
    for (let child = 0; child < 10; child++) await this.tx1(1 + ((account + child) % 10_000));
    return 10;
  }
}

/** The same with `sql.batch` in the debit. */
@Service()
export class BatchFlows extends SqlFlows {
  constructor(steps: BatchSteps) {
    super(steps);
  }
}

/** The same over Knex. */
@Service()
export class DbFlows {
  constructor(private readonly steps: DbSteps) {}

  @Workflow()
  async tx1(account: number): Promise<number> {
    return await this.steps.debit(account);
  }

  @Workflow()
  async order(account: number): Promise<number> {
    const quantity = await this.steps.look(account);
    await this.steps.reserve(account);
    await this.steps.noop();
    await this.steps.debit(account);
    return quantity;
  }
}

/** The same with the statements of the debit together. */
@Service()
export class TogetherDbFlows extends DbFlows {
  constructor(steps: TogetherDbSteps) {
    super(steps);
  }
}
