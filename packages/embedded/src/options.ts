import { existsSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { EmbeddedError } from './error.js';

export interface EmbeddedOptions {
  /** Where the data live. Default `.apiary` in the nearest folder with a package.json, from the working directory upwards. */
  dataDirectory?: string | undefined;
  /** Whether commits reach the disk (fsync). Default true; false is for tests, whose data may be lost when the machine fails. */
  durable?: boolean | undefined;
  /** Settings of PostgreSQL by name, as in postgresql.conf. */
  settings?: Readonly<Record<string, string>> | undefined;
}

/** What a client asks of the server that it joins. */
export interface Wants {
  durable: boolean;
  settings: Record<string, string>;
}

export interface ResolvedOptions {
  dataDirectory: string;
  wants: Wants;
}

// The package decides these: who may connect, where the data are, and how the server's processes are recognised.
const RESERVED = new Set([
  'cluster_name', 'config_file', 'data_directory', 'external_pid_file', 'fsync', 'hba_file', 'ident_file', 'listen_addresses',
  'log_destination', 'logging_collector', 'port', 'unix_socket_directories', 'update_process_title',
]); // prettier-ignore

/**
 * Checks the options and fills in the defaults.
 * @throws EmbeddedError EMBEDDED_START for an option that cannot be.
 */
export function resolveOptions(options: EmbeddedOptions): ResolvedOptions {
  const { dataDirectory, durable = true, settings = {} } = options;
  if (dataDirectory !== undefined && (typeof dataDirectory !== 'string' || dataDirectory === '' || dataDirectory.includes('\0'))) {
    throw refused('`dataDirectory` must be the path of a folder');
  }
  if (typeof durable !== 'boolean') throw refused('`durable` must be true or false');
  for (const [name, value] of Object.entries(settings)) {
    if (!/^[a-z_][a-z0-9_]*(\.[a-z_][a-z0-9_]*)?$/i.test(name)) throw refused(`\`settings\`: ${JSON.stringify(name)} is not the name of a setting`);
    if (typeof value !== 'string' || value.includes('\0')) throw refused(`\`settings.${name}\` must be a string`);
    if (RESERVED.has(name.toLowerCase())) throw refused(`\`settings.${name}\` is set by the embedded server itself: leave it out`);
  }
  return { dataDirectory: resolve(dataDirectory ?? join(projectFolder(), '.apiary')), wants: { durable, settings: { ...settings } } };
}

/** The nearest folder with a package.json, from the working directory upwards, or the working directory. */
function projectFolder(): string {
  const start = process.cwd();
  for (let folder = start; ; folder = dirname(folder)) {
    if (existsSync(join(folder, 'package.json'))) return folder;
    if (folder === dirname(folder)) return start;
  }
}

function refused(problem: string): EmbeddedError {
  return new EmbeddedError('EMBEDDED_START', `the embedded PostgreSQL was not started: ${problem}`);
}
