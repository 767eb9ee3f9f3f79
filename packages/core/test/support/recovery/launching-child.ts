/** A process that launches an app once it is told to, and tells how that went. */
import { Apiary } from '@apiary/core';
import { childSide } from '@apiary/testing/internal';
import { Flows, WITNESS, effectTable } from './flows.js';

const side = childSide();
const database = process.argv[2] as string;
side.onMessage(() => {
  Apiary.launch({
    services: [Flows],
    provide: [[WITNESS, '']],
    log: { level: 'silent' },
    version: 'test',
    database,
    migrations: effectTable,
    pool: { size: 1, systemSize: 1 },
    notify: false,
    lease: '1 minute',
    poll: '20 seconds',
  }).then(
    async (app) => {
      const written = await app.get(Flows).writes('x');
      await side.result({ written });
      await app.shutdown({ grace: 0 });
      side.leave();
    },
    async (error: unknown) => {
      await side.result({ error: String(error) });
      side.leave();
    },
  );
});
side.ready();
