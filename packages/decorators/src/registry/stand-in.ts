/** Stands in for a service that a wanted cycle cannot have yet. */

/**
 * Forwards everything to the service once it is there; methods run on the service itself. The registry puts the service in
 * its place wherever it finds the stand-in in a field, so this object stays only where nobody can reach: private fields, closures.
 * @param type `instanceof` holds from the start
 * @param target gives the service, or throws while it is not constructed
 */
export function standIn(type: { readonly prototype: object }, target: () => object): object {
  const methods = new WeakMap<object, unknown>();
  const forwarded = (value: unknown, key: PropertyKey, owner: object): unknown => {
    if (typeof value !== 'function' || key === 'constructor' || Object.hasOwn(owner, key)) return value;
    if (!methods.has(value)) methods.set(value, value.bind(owner));
    return methods.get(value);
  };
  return new Proxy(Object.create(type.prototype) as object, {
    get(shadow, key) {
      const owner = target();
      return forwarded(Reflect.get(owner, key, owner), key, owner);
    },
    set: (shadow, key, value) => Reflect.set(target(), key, value),
    has: (shadow, key) => Reflect.has(target(), key),
    deleteProperty: (shadow, key) => Reflect.deleteProperty(target(), key),
    defineProperty: (shadow, key, descriptor) => Reflect.defineProperty(target(), key, { ...descriptor, configurable: true }),
    ownKeys: () => Reflect.ownKeys(target()),
    getOwnPropertyDescriptor(shadow, key) {
      const descriptor = Reflect.getOwnPropertyDescriptor(target(), key);
      return descriptor === undefined ? undefined : { ...descriptor, configurable: true };
    },
  });
}

/** Puts the real service where a constructor stored its stand-in. */
export function replaceStandIns(instance: object, real: ReadonlyMap<object, object>): void {
  for (const key of Reflect.ownKeys(instance)) {
    const descriptor = Object.getOwnPropertyDescriptor(instance, key)!;
    const service = typeof descriptor.value === 'object' && descriptor.value !== null ? real.get(descriptor.value as object) : undefined;
    if (service !== undefined && descriptor.writable === true) Reflect.set(instance, key, service);
  }
}
