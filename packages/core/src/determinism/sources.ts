/** What a replay would see otherwise, or do again, and what to use in a workflow instead. */
import nodeCrypto from 'node:crypto';
import nodeTimers from 'node:timers';
import timersPromises from 'node:timers/promises';
import { senders } from '../store/connection/senders.js';

export interface Source {
  /** The object that has the function. */
  readonly holder: object;
  readonly key: string;
  /** As users write it. */
  readonly name: string;
  readonly instead: string;
}

const time = 'now()';
const draw = 'random(), or draw it in a @Communicator';
const wait = 'sleep()';
const turn = 'await a step, or sleep()';

export function sources(): readonly Source[] {
  const { crypto } = globalThis;
  return [
    { holder: Date, key: 'now', name: 'Date.now()', instead: time },
    { holder: globalThis.performance, key: 'now', name: 'performance.now()', instead: time },
    { holder: Math, key: 'random', name: 'Math.random()', instead: 'random()' },
    ...[crypto, nodeCrypto].map((holder) => ({ holder, key: 'randomUUID', name: 'crypto.randomUUID()', instead: 'randomUUID()' })),
    // That of node:crypto is a getter for this one.
    { holder: crypto, key: 'getRandomValues', name: 'crypto.getRandomValues()', instead: draw },
    { holder: nodeCrypto, key: 'randomBytes', name: 'crypto.randomBytes()', instead: draw },
    { holder: nodeCrypto, key: 'randomInt', name: 'crypto.randomInt()', instead: draw },
    { holder: globalThis, key: 'fetch', name: 'fetch()', instead: 'a @Communicator' },
    ...[globalThis, nodeTimers].flatMap((holder) => [
      { holder, key: 'setTimeout', name: 'setTimeout()', instead: wait },
      { holder, key: 'setInterval', name: 'setInterval()', instead: wait },
      { holder, key: 'setImmediate', name: 'setImmediate()', instead: turn },
    ]),
    { holder: timersPromises, key: 'setTimeout', name: 'setTimeout()', instead: wait },
    { holder: timersPromises, key: 'setInterval', name: 'setInterval()', instead: wait },
    { holder: timersPromises, key: 'setImmediate', name: 'setImmediate()', instead: turn },
    ...senders().map((sender) => ({ ...sender, name: 'a statement to the database', instead: 'a @Transaction' })),
  ];
}

export const currentDate = { name: 'new Date()', instead: time };
