/** The classes that the codec restores: the only place that reads what `@Serializable` recorded. */

import { serializables, type SerializableClass } from '@apiary/decorators/internal';

export type { SerializableClass };

interface Classes {
  readonly byPrototype: ReadonlyMap<object, SerializableClass>;
  readonly byName: ReadonlyMap<string, SerializableClass>;
}

let count = -1;
let classes: Classes;

export function registeredClasses(): Classes {
  const all = serializables();
  if (all.length !== count) {
    count = all.length;
    classes = {
      byPrototype: new Map(all.map((entry) => [entry.type.prototype as object, entry])),
      byName: new Map(all.map((entry) => [entry.name, entry])),
    };
  }
  return classes;
}

/** Classes whose instances validation makes anew from the record, nested ones included: nothing is lost when they are recorded as plain objects. */
export const recreatedClasses = new WeakSet<object>();
