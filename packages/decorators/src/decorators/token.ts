declare const type: unique symbol;

/** Key for what is no class: an interface, a string, a function. Injected by `@Inject(KEY)`, given by `provide`. */
export interface Token<T> {
  readonly name: string;
  readonly [type]?: T;
}

/**
 * Makes a key. Two tokens of one name are two keys.
 * @param name for error messages
 */
export function token<T>(name: string): Token<T> {
  return Object.freeze({ name });
}
