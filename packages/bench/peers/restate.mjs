// Restate: its server in a process of its own with a log of its own, the service and its clients in this one. Needs Node.js 22 or later.
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { createRequire } from 'node:module';
import { connect, createServer } from 'node:net';
import { fileURLToPath } from 'node:url';
import { setTimeout as delay } from 'node:timers/promises';
import * as restate from '@restatedev/restate-sdk';
import { RawSteps } from '../dist/engines/raw/steps.js';
import { accountOf as account } from '../dist/workloads/bank.js';

const agent = new Agent({ keepAlive: true });
let server;
let folder;
let ingress;
let steps;

/** @type {import('../dist/engine/engine.js').Engine} */
export const engine = {
  async start({ url, pool }) {
    steps = new RawSteps(url, pool, { table: 'restate_step' });
    await steps.createTables();
    const ports = await freePorts(4);
    await startServer(ports);
    await restate.serve({ services: [service()], port: ports[3], logger: () => undefined });
    await post(ports[1], '/deployments', { uri: `http://127.0.0.1:${ports[3]}` });
    ingress = ports[0];
  },
  operation: (workload, variant) => (variant === '' && workload in handlers ? (draw) => post(ingress, `/Bench/${workload}`, account(draw)) : undefined),
  async stop() {
    endServer();
    await steps?.pool.end();
    if (folder) rmSync(folder, { recursive: true, force: true });
    setImmediate(() => process.exit(0)); // the SDK's server has no stop
  },
};
process.on('exit', endServer);

// A transaction on PostgreSQL is not part of Restate's log: a step that crashed between the two runs again. So that it takes effect once, it
// inserts a row of its own, as the hand-written code does.
const debit = (ctx, id) =>
  ctx.run('debit', () =>
    steps.transaction(ctx.request().id.toString(), 1, async (client) => {
      const text = 'update bench_account set balance = balance - 1 where id = $1 returning balance';
      const { rows } = await client.query({ name: 'debit', text, values: [id] });
      const ledger = 'insert into bench_ledger (account, amount, ref) values ($1, $2, $3)';
      await client.query({ name: 'ledger', text: ledger, values: [id, -1, ctx.request().id.toString()] });
      return rows[0].balance;
    }),
  );
const reserve = (ctx, id) =>
  ctx.run('reserve', () =>
    steps.transaction(ctx.request().id.toString(), 0, async (client) => {
      await client.query({ name: 'reserve', text: 'update bench_stock set qty = qty - 1 where id = $1', values: [id] });
      return 1;
    }),
  );
const look = (ctx, id) =>
  ctx.run('look', async () => (await steps.read({ name: 'look', text: 'select qty from bench_stock where id = $1', values: [id] }))[0].qty);
const noop = (ctx) => ctx.run('noop', async () => 1);

const handlers = {
  tx1: (ctx, id) => debit(ctx, id),
  order: async (ctx, id) => {
    const quantity = await look(ctx, id);
    await reserve(ctx, id);
    await noop(ctx);
    await debit(ctx, id);
    return quantity;
  },
  steps10: async (ctx) => {
    for (let step = 0; step < 10; step++) await noop(ctx);
    return 10;
  },
  empty: async () => 1,
};

const service = () => restate.service({ name: 'Bench', handlers });

// The command is a wrapper around the server, which would outlive it: the group of both ends.
function endServer() {
  try {
    if (server?.pid) process.kill(-server.pid, 'SIGKILL');
  } catch {
    // it has ended
  }
}

async function startServer([ingressPort, adminPort, nodePort]) {
  // Not in the system's temporary folder, which may live in memory.
  folder = mkdtempSync(fileURLToPath(new URL('./node_modules/.restate-', import.meta.url)));
  const command = createRequire(import.meta.url).resolve('@restatedev/restate-server/package.json').replace(/@restatedev.*/, '.bin/restate-server');
  const bind = (port) => `127.0.0.1:${port}`;
  server = spawn(command, ['--no-logo', '--listen-mode', 'tcp', '--base-dir', folder, '--bind-address', bind(nodePort), '--advertised-address', `http://${bind(nodePort)}`], {
    stdio: 'ignore',
    detached: true,
    env: {
      ...process.env,
      RESTATE_INGRESS__BIND_ADDRESS: bind(ingressPort),
      RESTATE_ADMIN__BIND_ADDRESS: bind(adminPort),
      RESTATE_DISABLE_TELEMETRY: 'true',
      RESTATE_LOG_FILTER: 'error',
    },
  });
  let failure;
  server.once('error', (error) => (failure = error));
  server.once('exit', (code) => (failure ??= new Error(`restate-server ended with ${code}`)));
  for (let attempt = 0; attempt < 300; attempt++) {
    if (failure) throw failure;
    if ((await listens(ingressPort)) && (await listens(adminPort))) return;
    await delay(100);
  }
  throw new Error('restate-server did not start within 30 seconds');
}

const listens = (port) =>
  new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => {
      socket.destroy();
      resolve(true);
    }).once('error', () => resolve(false));
  });

async function freePorts(count) {
  const servers = await Promise.all(
    Array.from({ length: count }, () => new Promise((resolve) => {
      const holder = createServer().listen(0, '127.0.0.1', () => resolve(holder));
    })),
  );
  const ports = servers.map((holder) => holder.address().port);
  await Promise.all(servers.map((holder) => new Promise((resolve) => holder.close(resolve))));
  return ports;
}

function post(port, path, body) {
  const text = JSON.stringify(body);
  return new Promise((resolve, reject) => {
    const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) };
    const call = request({ host: '127.0.0.1', port, path, method: 'POST', agent, headers }, (response) => {
      const parts = [];
      response.on('data', (part) => parts.push(part)).on('error', reject);
      response.on('end', () => {
        const answer = Buffer.concat(parts).toString();
        if (response.statusCode < 300) resolve(answer);
        else reject(new Error(`${path}: ${response.statusCode} ${answer}`));
      });
    });
    call.on('error', reject).end(text);
  });
}
