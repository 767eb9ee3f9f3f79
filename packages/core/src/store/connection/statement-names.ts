/** Names under which texts of user code are prepared. A name belongs to one text for ever; each connection keeps a bounded number of them. */

const worthIt = /^\s*(?:select|insert|update|delete|with|values|merge)\b/i;
/** Longer texts are mostly lists of rows, hardly ever the same twice. */
const longest = 10_000;
const mostTexts = 4_000;

let names = new Map<string, string>();
let last = 0;

/** A name for a text that is known to come again; undefined if it is not worth preparing. */
export function nameFor(text: string): string | undefined {
  const known = names.get(text);
  if (known !== undefined && known !== '') return known;
  if (text.length > longest || !worthIt.test(text)) return undefined;
  return remember(text, `apiary_u${++last}`);
}

/** A name from the second time on that the text is seen, so that texts used once do not drive out the others. */
export function nameIfRepeated(text: string): string | undefined {
  const known = names.get(text);
  if (known !== undefined && known !== '') return known;
  if (known === '') return remember(text, `apiary_u${++last}`);
  if (text.length <= longest && worthIt.test(text)) remember(text, '');
  return undefined;
}

function remember(text: string, name: string): string {
  // Forgetting all of them costs each text one Parse a connection; names are never given again.
  if (names.size >= mostTexts) names = new Map();
  names.set(text, name);
  return name;
}
