import { randomBytes } from 'node:crypto';
import { newId } from '../ids.js';

/** Who this executor is: drawn anew at each start and after each fence, never reused. */
export interface Identity {
  executorId: string;
  /** Of its session advisory lock: 63 random bits. */
  lockKey: string;
  /** False until its row exists: a connection opened before has nothing to lock or to check. */
  registered: boolean;
}

export function newIdentity(): Identity {
  const executorId = newId();
  return { executorId, lockKey: (randomBytes(8).readBigUInt64BE() >> 1n).toString(), registered: false };
}
