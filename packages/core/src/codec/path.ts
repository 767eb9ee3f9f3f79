/** The way from the encoded value to the part at hand: property names, indexes, or text as it is to be shown. */
export type PathKey = string | number | { readonly shown: string };

const identifier = /^[\p{ID_Start}$_][\p{ID_Continue}$]*$/u;
const longest = 300;

/** `result.items[3].run`; a very long path is cut in its middle. */
export function formatPath(root: string, keys: readonly PathKey[]): string {
  const path = root + keys.map(formatKey).join('');
  return path.length <= longest ? path : `${path.slice(0, longest / 2)}...${path.slice(-longest / 2)}`;
}

function formatKey(key: PathKey): string {
  if (typeof key === 'number') return `[${key}]`;
  if (typeof key === 'object') return key.shown;
  return identifier.test(key) ? `.${key}` : `[${JSON.stringify(key)}]`;
}
