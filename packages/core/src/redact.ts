/** Takes secrets out of what is logged, and makes it plain data that any logger can write. */
const hidden = '***';

/** `scheme://user:password@host`. Lengths are bounded, so that no text can make the search slow. */
const urlPassword = /(\b[a-z][a-z0-9+.-]{0,20}:\/\/[^\s:/@]{0,256}):[^\s/@]{1,512}@/gi;
/** The same of PostgreSQL, whose passwords people forget to encode: all up to the last @. */
const postgresPassword = /(\bpostgres(?:ql)?:\/\/[^\s:/@]{0,256}):\S{1,512}@/gi;
/** `password=...` of connection strings and query strings, bare or quoted. */
const namedSecret = /\b((?:pass(?:word|wd|phrase)?|pwd|secret|token|api[_-]?key)\s{0,5}=\s{0,5})('[^']{0,512}'|"[^"]{0,512}"|[^\s&;,'"]+)/gi;
const secretKey = /^(.*[_-])?(pass(word|wd|phrase)?|pwd|secret|token|authorization|cookie|api[_-]?key|private[_-]?key|credentials?)$/;
const secretSuffix = /(Password|Passwd|Passphrase|Secret|Token|ApiKey|PrivateKey)$/;
const deepest = 6;
const mostMembers = 100;
const longestText = 32_768;

export function redactText(given: string): string {
  const text = given.length > longestText ? `${given.slice(0, longestText)}...` : given;
  // Most lines hold neither character, and the expressions are not free.
  if (!text.includes('@') && !text.includes('=')) return text;
  return text.replace(postgresPassword, `$1:${hidden}@`).replace(urlPassword, `$1:${hidden}@`).replace(namedSecret, `$1${hidden}`);
}

/** Bounded in depth, width and length; errors become their name, message, stack, code and cause. */
export function redactFields(fields: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return members(fields, new Set(), 0);
}

function members(object: object, around: Set<object>, depth: number): Record<string, unknown> {
  const out: Record<string, unknown> = {};
  for (const key of Object.keys(object).slice(0, mostMembers)) {
    if (key === '__proto__') continue;
    const value = read(object, key);
    if (value !== undefined) out[key] = isSecret(key) ? hidden : plain(value, around, depth + 1);
  }
  return out;
}

function isSecret(key: string): boolean {
  const end = key.slice(-64);
  return secretSuffix.test(end) || secretKey.test(end.toLowerCase());
}

function plain(value: unknown, around: Set<object>, depth: number): unknown {
  switch (typeof value) {
    case 'string':
      return redactText(value);
    case 'bigint':
    case 'symbol':
      return String(value);
    case 'function':
      return '[function]';
    case 'object':
      return value === null ? value : object(value, around, depth);
    default:
      return value;
  }
}

function object(value: object, around: Set<object>, depth: number): unknown {
  if (around.has(value)) return '[circular]';
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? 'Invalid Date' : value.toISOString();
  if (ArrayBuffer.isView(value)) return `[${value.byteLength} bytes]`;
  if (depth > deepest) return '[deeper]';
  around.add(value);
  try {
    if (Array.isArray(value)) return value.slice(0, mostMembers).map((item) => plain(item, around, depth + 1));
    if (value instanceof Error) return error(value, around, depth);
    if (value instanceof Map) return members(Object.fromEntries([...value].map(([k, v]) => [String(k), v as unknown])), around, depth);
    if (value instanceof Set) return [...value].slice(0, mostMembers).map((item) => plain(item, around, depth + 1));
    return members(value, around, depth);
  } finally {
    around.delete(value);
  }
}

function error(value: Error, around: Set<object>, depth: number): Record<string, unknown> {
  const out: Record<string, unknown> = {};
  for (const key of ['name', 'message', 'stack', 'code', 'cause']) {
    const part = read(value, key);
    if (part !== undefined) out[key] = plain(part, around, depth + 1);
  }
  return out;
}

function read(object: object, key: string): unknown {
  try {
    return (object as Record<string, unknown>)[key];
  } catch {
    return '[unreadable]';
  }
}
