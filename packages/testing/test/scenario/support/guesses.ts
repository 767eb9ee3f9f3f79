import { Service, sql, Transaction, Workflow } from '@apiary/core';

/** What no replay can repeat. */
@Service()
export class Guesses {
  @Transaction()
  async set(left: number): Promise<void> {
    await sql`update stock set "left" = ${left}`;
  }

  @Workflow()
  async time(): Promise<void> {
    await this.set(1);
    await this.set(Date.now() % 1_000_000_000);
  }

  @Workflow()
  async chance(): Promise<void> {
    await this.set(1);
    await this.set(Math.floor(Math.random() * 1_000_000_000));
  }
}
