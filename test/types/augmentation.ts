/** Another package adds a code of its own to the catalogue, as the test kit does. */
import { isApiaryError, type ErrorCode } from '@apiary/core';

declare module '@apiary/core' {
  interface ErrorCatalogue {
    OUT_OF_HONEY: { jars: number };
  }
}

export const code: ErrorCode = 'OUT_OF_HONEY';
export function jars(error: unknown): number {
  return isApiaryError(error, 'OUT_OF_HONEY') ? error.details.jars : 0;
}
