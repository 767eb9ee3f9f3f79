export { startEmbedded } from './start-embedded.js';
export { EmbeddedError } from './error.js';
export type { EmbeddedErrorCode, EmbeddedErrorDetails } from './error.js';
export type { EmbeddedServer } from './embedded-server.js';
export type { EmbeddedOptions } from './options.js';
