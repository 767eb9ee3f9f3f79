import { hash, randomFillSync } from 'node:crypto';
import { raise } from '@apiary/decorators/internal';
import { wallClock } from './clock.js';

const poolSize = 4096;
const pool = Buffer.alloc(poolSize);
let used = poolSize;
const hex = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'));

let lastMs = 0;
/** 12 bits below the millisecond that count up within it. */
let sequence = 0;
let prefix = '';

/** A new UUIDv7. Greater than every id that this process made before, also when the clock is set back. */
export function newId(): string {
  if (used + 10 > poolSize) {
    randomFillSync(pool);
    used = 0;
  }
  const now = wallClock();
  // The upper half of the counter is kept free, so that a new millisecond has at least 2048 ids to give.
  if (now > lastMs) startMillisecond(now, (byte() << 3) | (byte() >> 5));
  else if (++sequence > 0xfff) startMillisecond(lastMs + 1, 0);
  const counter = (0x7000 | sequence).toString(16);
  const variant = hex[0x80 | (byte() & 0x3f)] as string;
  return `${prefix}-${counter}-${variant}${random()}-${random()}${random()}${random()}${random()}${random()}${random()}`;
}

function startMillisecond(ms: number, first: number): void {
  lastMs = ms;
  sequence = first;
  const time = ms.toString(16).padStart(12, '0');
  prefix = `${time.slice(0, 8)}-${time.slice(8)}`;
}

function byte(): number {
  return pool[used++] as number;
}

function random(): string {
  return hex[byte()] as string;
}

const longestId = 512;
const refused = /[\0\p{Surrogate}]/u;

/**
 * Ids are stored, compared and logged as they are: 1 to 512 bytes of well-formed Unicode without NUL.
 * @throws INVALID_ID
 */
export function checkId(id: unknown): asserts id is string {
  if (typeof id !== 'string') raise('INVALID_ID', { id: typeof id === 'symbol' ? 'a symbol' : `a value of type ${id === null ? 'null' : typeof id}` });
  const tooLong = id.length > longestId || (id.length > longestId / 3 && Buffer.byteLength(id) > longestId);
  if (id === '' || tooLong || refused.test(id)) raise('INVALID_ID', { id: id.slice(0, longestId) });
}

/** A short stable hash of an encoded input: the same input, the same hash, in every process and release. */
export function inputHash(text: string | null): string {
  return hash('sha256', text ?? '', 'hex').slice(0, 32);
}
