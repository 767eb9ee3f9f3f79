/** Finds the statements that may not come from user code: those that begin or end transactions, and COPY through the client. */

export interface Traits {
  /** The command, if it begins, ends or changes a transaction. */
  readonly control: string | undefined;
  readonly copiesThroughClient: boolean;
  /** Perhaps it changes settings without the command tag SET. */
  readonly maySet: boolean;
}

const known = new Map<string, Traits>();
const mostKnown = 1000;
/** Longer texts are not kept: they are rarely the same twice. */
const longestKept = 4096;

/** What has to be known of a statement before it is sent. Programs send the same texts again and again, so it is found once for each. */
export function traitsOf(text: string): Traits {
  const found = known.get(text);
  if (found !== undefined) return found;
  const traits = { control: transactionControl(text), copiesThroughClient: clientCopy(text), maySet: /set_config|pg_settings/i.test(text) };
  if (known.size >= mostKnown) known.clear();
  if (text.length <= longestKept) known.set(text, traits);
  return traits;
}

const space = /[\s;]/;

/** Skips white space, semicolons (empty statements) and comments, which nest. */
function skip(text: string, from: number): number {
  let at = from;
  for (;;) {
    if (text.startsWith('--', at)) {
      const end = text.indexOf('\n', at);
      at = end === -1 ? text.length : end + 1;
    } else if (text.startsWith('/*', at)) {
      at = skipComment(text, at);
    } else if (at < text.length && space.test(text.charAt(at))) {
      at++;
    } else {
      return at;
    }
  }
}

function skipComment(text: string, from: number): number {
  let depth = 0;
  let at = from;
  do {
    if (text.startsWith('/*', at)) {
      depth++;
      at += 2;
    } else if (text.startsWith('*/', at)) {
      depth--;
      at += 2;
    } else {
      at++;
    }
  } while (depth > 0 && at < text.length);
  return at;
}

/** The first words of a statement in lower case, without what stands between them. */
function words(text: string, from: number, count: number): string[] {
  const found: string[] = [];
  let at = from;
  for (let i = 0; i < count; i++) {
    const start = skip(text, at);
    at = start;
    while (at < text.length && /[\w$]/.test(text.charAt(at))) at++;
    if (at === start) break;
    found.push(text.slice(start, at).toLowerCase());
  }
  return found;
}

/** First letters of the words below. */
const initials = new Set('bcearspBCEARSP;/-');

/** The command if a statement begins, ends or changes a transaction; savepoints do not. */
export function transactionControl(text: string): string | undefined {
  // Nearly all statements start with s, i, u, d or w at once: decide those by two characters.
  const first = text.charAt(0);
  if (!initials.has(first) && !space.test(first)) return undefined;
  const second = text.charAt(1);
  if ((first === 's' || first === 'S') && (second === 'e' || second === 'E') && /^select\b/i.test(text)) return undefined;
  const [a, b, c] = words(text, 0, 3);
  switch (a) {
    case 'begin':
    case 'commit':
    case 'end':
    case 'abort':
      return a;
    case 'start':
    case 'prepare':
      return b === 'transaction' ? `${a} ${b}` : undefined;
    case 'rollback':
      return isToSavepoint(b, c) ? undefined : a;
    case 'set':
      return setsTransaction(b, c) ? 'set transaction' : undefined;
    default:
      return undefined;
  }
}

function isToSavepoint(b: string | undefined, c: string | undefined): boolean {
  return b === 'to' || ((b === 'work' || b === 'transaction') && c === 'to');
}

function setsTransaction(b: string | undefined, c: string | undefined): boolean {
  const name = b === 'local' || b === 'session' ? c : b;
  return name !== undefined && (name.startsWith('transaction') || name === 'characteristics');
}

/** `rollback to` of a savepoint: after it, an error before it is healed. */
export function rollsBackToSavepoint(text: string): boolean {
  const [a, b, c] = words(text, 0, 3);
  return a === 'rollback' && isToSavepoint(b, c);
}

/** COPY whose data would travel over this connection. */
export function clientCopy(text: string): boolean {
  return words(text, 0, 1)[0] === 'copy' && /\b(?:stdin|stdout)\b/i.test(text);
}
