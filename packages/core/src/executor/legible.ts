import { isApiaryError } from '@apiary/decorators/internal';
import { stringForm } from '../codec/error-document.js';
import { driverMark } from '../store/connection/driver-error.js';

/**
 * What user code threw, such that the engine may ask what it is. A proxy may throw whatever it is asked; an engine that stumbles over it
 * would not end the run: its text, as it would be recorded, takes its place.
 */
export function legible(thrown: unknown): unknown {
  try {
    void (thrown instanceof Error || isApiaryError(thrown) || driverMark(thrown));
    return thrown;
  } catch {
    return stringForm(thrown);
  }
}
