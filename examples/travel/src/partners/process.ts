/** The outside world, in a process of its own: a bank that charges once for each idempotency key, and a mail house that keeps no keys. */
import { randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Ledger } from './ledger.js';

process.on('disconnect', () => process.exit());
process.on('SIGINT', () => {}); // Ctrl-C reaches all processes of the terminal; the coordinator ends this one
if (!process.connected) process.exit();

const ledger = await Ledger.open(process.argv[2] ?? '');
const charges = new Map<string, Promise<string>>();

async function charge(key: string, booking: string, cents: number): Promise<object> {
  const before = charges.get(key);
  if (before !== undefined) {
    await ledger.append({ kind: 'repeat', key, booking });
    return { charge: await before };
  }
  const made = randomUUID();
  const written = ledger.append({ kind: 'charge', key, booking, cents, charge: made }).then(() => made);
  charges.set(key, written); // before the disk answers: a repeat may come meanwhile
  return { charge: await written };
}

async function mail(key: string, booking: string): Promise<object> {
  await ledger.append({ kind: 'mail', key, booking });
  return {};
}

async function answer(request: IncomingMessage): Promise<object> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  const { booking, cents } = JSON.parse(Buffer.concat(chunks).toString()) as { booking: string; cents: number };
  const key = String(request.headers['idempotency-key']);
  return request.url === '/charges' ? charge(key, booking, cents) : mail(key, booking);
}

const server = createServer((request, response) => {
  answer(request).then(
    (body) => response.setHeader('content-type', 'application/json').end(JSON.stringify(body)),
    (error: unknown) => response.writeHead(500).end(String(error)),
  );
});
server.keepAliveTimeout = 60_000; // no answer is lost because a kept connection was closed under a request
server.listen(0, '127.0.0.1', () => process.send?.(`http://127.0.0.1:${(server.address() as AddressInfo).port}`));
