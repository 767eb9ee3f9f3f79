/** What stands for a provided value that a replay does not have: steps use it, and no step runs. */

/** Constructors may do with it what they like. Once the services are constructed, a body that reads it is told. */
export class AbsentValues {
  #strict = false;

  /** @param name of the class or token */
  readonly make = (name: string): unknown => {
    // A function, so that it can be called and constructed.
    return new Proxy(function absent() {}, {
      get: (_target, key) => {
        if (key === 'then' || key === 'prototype') return undefined;
        if (key === Symbol.toPrimitive) return () => this.#use(name, '');
        return this.#use(name, typeof key === 'symbol' ? undefined : this.make(`${name}.${key}`));
      },
      apply: () => this.#use(name, this.make(`${name}()`)),
      construct: () => this.#use(name, this.make(`new ${name}()`)) as object,
      set: () => true,
      defineProperty: () => true,
    });
  };

  /** From here on a use is an error. */
  seal(): void {
    this.#strict = true;
  }

  #use<T>(name: string, value: T): T {
    if (this.#strict) throw new Error(`the body of a workflow uses ${name}, which a replay does not have: give it by provide`);
    return value;
  }
}
