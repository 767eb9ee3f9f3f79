import { EmbeddedClient } from './embedded-server.js';
import type { EmbeddedServer } from './embedded-server.js';
import { EmbeddedError, systemCode } from './error.js';
import { openHome } from './home/home.js';
import { join } from './join.js';
import { resolveOptions } from './options.js';
import type { EmbeddedOptions } from './options.js';

/**
 * Starts the embedded PostgreSQL of a project, or joins it when another process of the project runs it. It ends with the last process
 * that uses it, however that process ends.
 * @throws EmbeddedError DATABASE_VERSION for data of another major version; EMBEDDED_START for all else, with the end of the server's log
 */
export async function startEmbedded(options: EmbeddedOptions = {}): Promise<EmbeddedServer> {
  const { dataDirectory, wants } = resolveOptions(options);
  if (process.platform === 'win32') {
    throw new EmbeddedError('EMBEDDED_START', 'the embedded PostgreSQL runs on Linux and macOS: use a server of your own with DATABASE_URL', { dataDirectory });
  }
  const hold = setInterval(() => {}, 60_000); // joining does not keep the process alive
  try {
    const place = { home: await openHome(dataDirectory), dataDirectory };
    return new EmbeddedClient(place, wants, await join(place, wants));
  } catch (error) {
    throw asEmbeddedError(error, dataDirectory);
  } finally {
    clearInterval(hold);
  }
}

function asEmbeddedError(error: unknown, dataDirectory: string): EmbeddedError {
  if (error instanceof EmbeddedError) return error;
  const reason = error instanceof Error ? error.message : String(error);
  const remedy = systemCode(error) === 'EACCES' ? `${dataDirectory} belongs to another user: start as that user, or set \`dataDirectory\`` : 'set DATABASE_URL';
  return new EmbeddedError('EMBEDDED_START', `the embedded PostgreSQL could not be started (${reason}): ${remedy}`, { dataDirectory }, { cause: error });
}
