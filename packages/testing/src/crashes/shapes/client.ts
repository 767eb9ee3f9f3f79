import { isApiaryError, Service, sleep, Workflow, type Apiary } from '@apiary/core';
import { crashScenario } from '../scenario.js';
import { Accounts, ledgerTables } from './ledger.js';

@Service()
class Asked {
  constructor(private readonly accounts: Accounts) {}

  @Workflow()
  async transfer(): Promise<number[]> {
    return [await this.accounts.move('ada', -5, 'to bob'), await this.accounts.move('bob', 5, 'from ada')];
  }
  @Workflow()
  async waits(): Promise<void> {
    await this.accounts.move('cyd', 1, 'before');
    await sleep('30 days');
    await this.accounts.move('cyd', 1, 'after');
  }
}

const lookEveryMs = 5;

/** A workflow is parked a moment after its start: a cancellation that came earlier would be another one. */
async function parkedOrEnded(app: Apiary, id: string): Promise<void> {
  for (;;) {
    const { items } = await app.list();
    const found = items.find(({ workflowId }) => workflowId === id);
    if (found?.wakeAt !== undefined || found?.status === 'CANCELLED') return;
    await new Promise((resolve) => setTimeout(resolve, lookEveryMs));
  }
}

/** From then on rows are looked at as often as time lets it. */
let looking = false;
const looks = /^select .* (?:where w\.workflow_id = any\(\$1|as position from )/;

export default crashScenario({
  name: 'client',
  about: "a client's start, result, result by id, cancel of a parked workflow, its error, its status",
  services: [Asked],
  migrations: ledgerTables,
  act: async (app) => {
    looking = false;
    const asked = await app.start(Asked, { workflowId: 'asked' }).transfer();
    const own = await asked.result();
    const byId = await app.handle('asked').result();
    looking = true;
    const parked = await app.start(Asked, { workflowId: 'parked' }).waits();
    await parkedOrEnded(app, 'parked');
    await parked.cancel();
    const told = await parked.result().then(
      () => 'an outcome',
      (error: unknown) => (isApiaryError(error, 'CANCELLED') ? error.code : Promise.reject(error as Error)),
    );
    return [own, byId, told, await app.handle('parked').status()];
  },
  concurrent: true,
  unnumbered: ({ connection, statements }) => looking && connection === 'system' && statements.length === 1 && looks.test(statements[0] ?? ''),
});
