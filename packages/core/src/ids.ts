import { hash, randomInt, randomUUID } from 'node:crypto';
import { raise } from '@apiary/decorators/internal';
import { wallClock } from './clock.js';

let lastMs = 0;
/** 12 bits below the millisecond that count up within it. */
let sequence = 0;
let prefix = '';

/** A new UUIDv7. Greater than every id that this process made before, also when the clock is set back. */
export function newId(): string {
  const now = wallClock();
  // A millisecond starts in the lower half, so that it has at least 2048 ids to give.
  if (now > lastMs) startMillisecond(now, randomInt(0x800));
  else if (++sequence > 0xfff) startMillisecond(lastMs + 1, 0);
  // The random rest, its variant included, is the second half of a random UUID.
  return prefix + (0x7000 | sequence).toString(16) + randomUUID().slice(18);
}

function startMillisecond(ms: number, first: number): void {
  lastMs = ms;
  sequence = first;
  const time = ms.toString(16).padStart(12, '0');
  prefix = `${time.slice(0, 8)}-${time.slice(8)}-`;
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

/** The id of what a workflow makes at a place of its own, the same in each replay; never too long, however deep the nesting. */
export function derivedId(workflowId: string, place: string): string {
  const id = `${workflowId}-${place}`;
  return id.length <= longestId / 3 || Buffer.byteLength(id) <= longestId ? id : `${hash('sha256', workflowId, 'hex')}-${place}`;
}

/** A short stable hash of an encoded input: the same input, the same hash, in every process and release. */
export function inputHash(text: string | null): string {
  return hash('sha256', text ?? '', 'hex').slice(0, 32);
}
