/** Runs under --unhandled-rejections=strict: all sorts of failures, a shutdown, and then the process has to end by itself. */
import { Apiary, Communicator, Service, Transaction, Workflow, sleep, sql, start } from '@apiary/core';

@Service()
class Flows {
  @Transaction()
  async fails(): Promise<void> {
    await sql`select 1 / 0`;
  }
  @Communicator({ retry: { maxAttempts: 1 } })
  async refuses(): Promise<void> {
    throw new Error('refused');
  }
  @Communicator({ timeout: 5, retry: { maxAttempts: 1 } })
  async late(): Promise<void> {
    await new Promise((resolve) => setTimeout(resolve, 30));
    throw new Error('too late');
  }
  @Workflow()
  async floats(): Promise<void> {
    void this.refuses();
    void start(Flows).broken().result();
    await this.fails();
  }
  @Workflow()
  async broken(): Promise<void> {
    await Promise.all([this.refuses(), this.fails(), this.late()]);
  }
  @Workflow()
  async sleeps(): Promise<void> {
    await sleep('1 hour');
  }
  @Workflow()
  async naps(): Promise<void> {
    await sleep(4000);
  }
}

const app = await Apiary.launch({
  services: [Flows],
  database: process.argv[2],
  log: { level: 'silent' },
  lease: '10 seconds',
  poll: '100 ms',
  shutdownOn: ['SIGTERM'],
});
const flows = app.get(Flows);
const settled = await Promise.allSettled([
  flows.fails(),
  flows.refuses(),
  flows.late(),
  flows.floats(),
  flows.broken(),
  app.start(Flows, { workflowId: 'x' }).broken(),
]);
void app.start(Flows, { workflowId: 'x' }).fails(); // a CONFLICT that nobody hears of
await app.start(Flows).sleeps();
const left = await app.start(Flows).naps();
left.result().catch((error: unknown) => console.log((error as { code: string }).code));
await app.shutdown({ grace: 0 });
console.log(settled.map((s) => s.status).join(' '));
console.log('shut down');
