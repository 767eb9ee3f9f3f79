import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { HOST } from './address.js';

/** A port that is free now: the preferred one when it is. It may be taken before it is used. */
export async function freePort(preferred?: number): Promise<number> {
  return (preferred !== undefined && (await tryPort(preferred))) || (await tryPort(0)) || Promise.reject(new Error('no TCP port is free')); // prettier-ignore
}

function tryPort(port: number): Promise<number | undefined> {
  return new Promise((settle) => {
    const server = createServer();
    server.once('error', () => settle(undefined));
    server.listen({ host: HOST, port, exclusive: true }, () => {
      const chosen = (server.address() as AddressInfo).port;
      server.close(() => settle(chosen));
    });
  });
}
