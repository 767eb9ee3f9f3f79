import { startEmbedded } from '@apiary/embedded';
import type { EmbeddedError, EmbeddedOptions } from '@apiary/embedded';

/** Starts the server, reports, and on 'stop' leaves it and ends by itself. Without its parent it ends too. */
const report = (message: object): void => void process.send?.(message);

try {
  const server = await startEmbedded(JSON.parse(process.argv[2] ?? '{}') as EmbeddedOptions);
  process.once('message', async () => {
    await server.stop();
    process.send?.({ stopped: true }, undefined, undefined, () => process.disconnect());
  });
  report({ started: { connectionString: server.connectionString, port: server.port, dataDirectory: server.dataDirectory } });
} catch (error) {
  const { code, message, details } = error as EmbeddedError;
  process.send?.({ failed: { code, message, details } }, undefined, undefined, () => process.disconnect());
}
