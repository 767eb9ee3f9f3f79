/** Cancellation with clean-up, a durable pause, and an operator who looks, forks and resumes. */
import { Apiary, Communicator, Service, Workflow, handleOf, isApiaryError, signal, sleep, start } from '@apiary/core';

@Service()
class Servers {
  @Communicator()
  async allocate(size: number): Promise<string> {
    return `s-${size}`;
  }
  @Communicator({ timeout: '1 hour' })
  async run(server: string, job: string): Promise<number> {
    return (await fetch(`https://${server}.example/${job}`, { signal: signal() })).status;
  }
  @Communicator()
  async free(server: string): Promise<void> {
    await fetch(`https://${server}.example/free`);
  }
}

@Service()
export class Jobs {
  constructor(private readonly servers: Servers) {}

  @Workflow()
  async run(job: string): Promise<number | 'too slow'> {
    const server = await this.servers.allocate(4);
    try {
      return await this.servers.run(server, job);
    } catch (error) {
      if (isApiaryError(error, 'STEP_TIMEOUT')) return 'too slow';
      throw error;
    } finally {
      await this.servers.free(server);
    }
  }

  @Workflow()
  async later(jobs: string[]): Promise<(string | number)[]> {
    await sleep('10 seconds');
    await handleOf('other').cancel();
    const children = await Promise.all(jobs.map((job) => start(Jobs, { deadline: null }).run(job)));
    return Promise.all(children.map((child) => child.result()));
  }
}

await using app = await Apiary.launch({ services: [Jobs], version: '2.1' });
for await (const w of app.list({ status: ['DEAD', 'ERROR'], order: 'oldest' })) console.log(w.workflowId, w.status);
const page = await app.list({ idPrefix: 'j-', limit: 1000 });
if (page.next !== undefined) await app.list({ idPrefix: 'j-', limit: 1000, after: page.next });
await app.resume({ status: 'DEAD' });
const failed = app.handle('j-1');
const info = await failed.info();
if (info.status === 'ERROR') {
  const step = (await failed.steps()).find((s) => s.name === 'Servers.run');
  if (step) await (await failed.fork({ from: step.stepId })).result();
  console.error(info.error.message);
} else if (info.status === 'SUCCESS') console.log(info.output);
