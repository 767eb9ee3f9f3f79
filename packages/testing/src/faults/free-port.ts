import { createServer, type AddressInfo } from 'node:net';

/** A port of loopback that was free a moment ago. Another process may take it: who uses it must be ready to try again. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise<void>((resolve) => server.close(() => resolve()));
  return port;
}
