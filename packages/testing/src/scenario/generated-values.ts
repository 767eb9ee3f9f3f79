/** Differences that are none: ids, times and numbers that the database or the machine makes anew in each run. */
import type { RawState } from '../crashes/canonical-state.js';

const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;
const instant = /^\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d(?::?\d\d)?)?$/;
const number = /^\d+$/;
const token = /[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d(?::?\d\d)?)?|\d+/gi;

/** Tokens that two runs without a crash have in common: they are the work's own. */
export function constantsOf(first: RawState, second: RawState): ReadonlySet<string> {
  const tokens = (state: RawState): Set<string> => new Set(state.lines.flatMap((line) => line.match(token) ?? []));
  const others = tokens(second);
  return new Set([...tokens(first)].filter((found) => others.has(found)));
}

/** What is left when lines that differ in generated values only are taken off both sides. */
export function unlike(
  missing: readonly string[],
  extra: readonly string[],
  { constants, expected, found }: { readonly constants: ReadonlySet<string>; readonly expected: RawState; readonly found: RawState },
): { readonly missing: readonly string[]; readonly extra: readonly string[] } {
  const isSame = (a: string, b: string): boolean => {
    if (a === b) return true;
    if (number.test(a) && number.test(b)) return expected.serials.has(a) && found.serials.has(b);
    if (constants.has(a) || constants.has(b)) return false;
    return (uuid.test(a) && uuid.test(b)) || (instant.test(a) && instant.test(b));
  };
  const left = [...extra];
  const unpaired = missing.filter((line) => {
    const at = left.findIndex((other) => line.replaceAll(token, '\0') === other.replaceAll(token, '\0') && alike(line, other, isSame));
    if (at >= 0) left.splice(at, 1);
    return at < 0;
  });
  return { missing: unpaired, extra: left };
}

function alike(a: string, b: string, isSame: (a: string, b: string) => boolean): boolean {
  const others = b.match(token) ?? [];
  return (a.match(token) ?? []).every((value, i) => isSame(value, others[i] ?? ''));
}
