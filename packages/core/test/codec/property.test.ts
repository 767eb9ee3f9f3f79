import { isDeepStrictEqual } from 'node:util';
import { isApiaryError } from '@apiary/decorators/internal';
import { loadValues } from '@apiary/testing/internal';
import fc from 'fast-check';
import { expectSame, expectStorable, newCodec } from './support.js';

const { anything, graph } = await loadValues();

describe('any value', () => {
  const { codec } = newCodec();

  /** False if it was refused. */
  function comesBack(value: unknown): boolean {
    let text: string | null;
    try {
      text = codec.encode(value, 'result');
    } catch (error) {
      if (!isApiaryError(error, 'NOT_RECORDABLE')) throw error;
      return false;
    }
    if (text !== null) expectStorable(text);
    expectSame(codec.decode(text), value);
    expectSame(codec.copy(value, 'result').value, value);
    return true;
  }

  it('comes back deeply equal, or is refused', () => {
    let refused = 0;
    fc.assert(
      fc.property(anything, (value) => {
        if (!comesBack(value)) refused++;
      }),
      { numRuns: 3000 },
    );
    // Only own keys named __proto__ are refused here; were it the rule, the property would prove nothing.
    if (refused > 1500) throw new Error(`${refused} of 3000 values were refused`);
  });

  it('comes back with the same sharing and the same cycles', () => {
    fc.assert(
      fc.property(graph, (value) => {
        const back = codec.decode(codec.encode(value, 'result')) as object;
        return isDeepStrictEqual(back, value) && shape(back) === shape(value as object);
      }),
      { numRuns: 1000 },
    );
  });

  it('can be thrown, whatever it is', () => {
    fc.assert(
      fc.property(fc.oneof(anything, graph), (value) => {
        const text = codec.encodeError(value);
        expectStorable(text);
        const back = codec.decodeError(text);
        return isDeepStrictEqual(back, value) || (typeof back === 'string' && !isDeepStrictEqual(value, back));
      }),
      { numRuns: 1000 },
    );
  });
});

/** Which node of a graph links to which, by the order in which they are met. */
function shape(root: object): string {
  const seen = new Map<object, number>();
  const visit = (node: object): unknown => {
    const known = seen.get(node);
    if (known !== undefined) return known;
    seen.set(node, seen.size);
    return [...(node instanceof Map || node instanceof Set ? node.values() : Object.values(node))].map((child) => visit(child as object));
  };
  return JSON.stringify(visit(root));
}
