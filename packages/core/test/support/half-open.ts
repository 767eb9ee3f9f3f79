import { Socket } from 'node:net';

interface WithHandles {
  _getActiveHandles(): unknown[];
}

/**
 * Ends all sockets of this process that lead to the port, as the kernel does when keep-alive gets no answer. Where a proxy is a black hole,
 * the other side does not learn of it: a half-open connection.
 */
export function timeOutSockets(port: number): number {
  const sockets = (process as unknown as WithHandles)
    ._getActiveHandles()
    .filter((handle): handle is Socket => handle instanceof Socket && handle.remotePort === port);
  for (const socket of sockets) socket.destroy(Object.assign(new Error('read ETIMEDOUT'), { code: 'ETIMEDOUT' }));
  return sockets.length;
}
