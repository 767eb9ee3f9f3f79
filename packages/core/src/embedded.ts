/** The embedded server, loaded only when no database is configured: `@apiary/embedded` is an optional peer. */
import { apiaryError, raise } from '@apiary/decorators/internal';
import type { ResolvedConfig } from './config.js';

export interface EmbeddedHandle {
  readonly connectionString: string;
  stop(): Promise<void>;
}
interface EmbeddedModule {
  startEmbedded(options: { dataDirectory: string }): Promise<EmbeddedHandle>;
}

/** @throws CONFIG if the package is not installed, DATABASE_VERSION if the data are of another major version */
export async function connectionSource(config: ResolvedConfig): Promise<EmbeddedHandle | undefined> {
  if (config.database.kind !== 'embedded') return undefined;
  const { startEmbedded } = await load();
  try {
    return await startEmbedded({ dataDirectory: config.dataDirectory });
  } catch (error) {
    const { code, details, message } = error as { code?: string; details?: { found?: string; needed?: string }; message: string };
    if (code === 'DATABASE_VERSION')
      throw apiaryError('DATABASE_VERSION', { found: details?.found ?? '', needed: details?.needed ?? '' }, { message, cause: error });
    throw error;
  }
}

async function load(): Promise<EmbeddedModule> {
  const name = '@apiary/embedded';
  try {
    return (await import(name)) as EmbeddedModule;
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    // What is installed and broken is to be seen as it is.
    if (code !== 'ERR_MODULE_NOT_FOUND' || !message.includes(`'${name}'`)) throw error;
    return raise(
      'CONFIG',
      {
        path: 'database',
        problem: 'no database is configured, and @apiary/embedded is not installed: set DATABASE_URL or `database`, or npm install @apiary/embedded',
      },
      { cause: error },
    );
  }
}
