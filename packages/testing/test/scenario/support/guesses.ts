import { Service, sql, Transaction, Workflow } from '@apiary/core';

let runs = 0;

/** What no replay can repeat. */
@Service()
export class Guesses {
  static forget(): void {
    runs = 0;
  }

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

  /** It depends on what is in the memory of the process. */
  @Workflow()
  async memory(): Promise<void> {
    await this.set(++runs);
    await this.set(7);
  }
}
