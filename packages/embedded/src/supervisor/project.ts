import type { Binaries } from '../binaries/binaries.js';
import type { Identity } from '../home/identity.js';

/** What a supervisor works on. */
export interface Project {
  home: string;
  dataDirectory: string;
  identity: Identity | undefined;
  binaries: Binaries;
}
