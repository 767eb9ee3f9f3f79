/** Arbitrary JavaScript values. */
import fc from 'fast-check';

/** Any sequence of 16-bit units, lone surrogates included. */
const units = fc.array(fc.nat(0xffff), { maxLength: 8 }).map((codes) => String.fromCharCode(...codes));
export const anything = fc.anything({
  key: fc.oneof(fc.string(), units, fc.constantFrom('__proto__', 'constructor', '$apiary', 'd', 'toString')),
  values: [
    fc.boolean(),
    fc.integer(),
    fc.double(),
    fc.string(),
    units,
    fc.constantFrom(null, undefined, -0, Number.NaN),
    fc.bigInt(),
    fc.date({ noInvalidDate: true }),
  ],
  maxDepth: 4,
  withBigInt: true,
  withBoxedValues: true,
  withDate: false,
  withMap: true,
  withSet: true,
  withNullPrototype: true,
  withObjectString: true,
  withSparseArray: true,
  withTypedArray: true,
});

/** A graph in which parts are shared, or contain themselves. */
export const graph = fc
  .array(fc.tuple(fc.constantFrom('object', 'list', 'map', 'set'), fc.array(fc.nat(7), { maxLength: 4 })), { minLength: 1, maxLength: 8 })
  .map((shapes) => {
    const nodes = shapes.map(([kind]) => (kind === 'list' ? [] : kind === 'map' ? new Map() : kind === 'set' ? new Set() : {}) as object);
    shapes.forEach(([, links], from) => {
      const node = nodes[from] as object;
      links.forEach((to, index) => {
        const target = nodes[to % nodes.length];
        if (Array.isArray(node)) node.push(target);
        else if (node instanceof Map) node.set(index, target);
        else if (node instanceof Set) node.add(target);
        else Object.assign(node, { [`k${index}`]: target });
      });
    });
    return nodes[0];
  });
