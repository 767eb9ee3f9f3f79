import { join } from 'node:path';

/** PostgreSQL's own folder. */
export function clusterPath(home: string): string {
  return join(home, 'postgres');
}

export function passwordPath(home: string): string {
  return join(home, 'password');
}

/** Port, settings and durability of the last start. */
export function statePath(home: string): string {
  return join(home, 'state.json');
}

/** Library links, when the folder of the binaries cannot be written. */
export function librariesPath(home: string): string {
  return join(home, 'lib');
}

/** Stands while the data were last written without fsync. */
export function unsyncedPath(home: string): string {
  return join(home, 'unsynced');
}

/** In a home outside the project: the data folder that it belongs to. */
export function originPath(home: string): string {
  return join(home, 'origin');
}

/** In a home outside the project: it once held durable data, so it is never cleared away. */
export function keptPath(home: string): string {
  return join(home, 'kept');
}

/** In the data folder: where the home is, when it is elsewhere. */
export function locationPath(dataDirectory: string): string {
  return join(dataDirectory, 'location');
}

const OURS = /^(\.gitignore|postgres|password|state\.json|server\.log|lib|unsynced|origin|kept|location|control\..*|init-.*|probe-.*|.*\.draft)$/;

/** Whether a file of this name in the data folder is one of ours. */
export function isOurs(name: string): boolean {
  return OURS.test(name);
}
