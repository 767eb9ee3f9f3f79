import { recordService } from '../metadata.js';
import type { Type } from '../types.js';
import type { Nameable } from './recorded.js';

/**
 * Marks a class that the app constructs and injects. Needed where the class has a constructor with parameters (TypeScript
 * then emits their types) or wants a fixed name. Functions are stored as `<class>.<method>`, the class being the registered
 * one, not the one that declares the method. An instance with `[Symbol.asyncDispose]` is disposed at shutdown.
 * @param options `name` fixes the name in stored histories
 */
export function Service(options?: Nameable): (target: Type) => void {
  return (target) => recordService(target, options);
}
