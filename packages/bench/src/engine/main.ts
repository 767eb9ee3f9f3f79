import type { Engine, Operation } from './engine.js';
import { loadEngine } from './engines.js';
import { drive } from './load.js';
import type { Reply, Request, RunReply } from './protocol.js';
import { WireTap } from './wire.js';

// The process of one engine: it answers the coordinator's requests, one at a time.

let engine: Engine | undefined;
let tap: WireTap | undefined;
const operations = new Map<string, Operation | undefined>();

process.on('message', (request: Request) => {
  answer(request).then(
    (value) => reply({ ok: true, value }),
    (error: unknown) => reply({ ok: false, error: error instanceof Error ? (error.stack ?? error.message) : String(error) }),
  );
});
process.on('disconnect', () => process.exit(1));
// By an exit, not by the signal: what an engine has started ends with it.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => process.exit(1));

function reply(message: Reply): void {
  process.send?.(message);
}

async function answer(request: Request): Promise<unknown> {
  switch (request.kind) {
    case 'start':
      tap = new WireTap(Number(new URL(request.url).port || 5432));
      engine = await loadEngine(request.engine);
      await engine.start({ url: request.url, pool: request.pool });
      return undefined;
    case 'supports':
      return operation(request.workload, request.variant) !== undefined;
    case 'run':
      return run(request);
    case 'stop':
      await engine?.stop();
      setImmediate(() => process.disconnect());
      return undefined;
  }
}

function operation(workload: string, variant: string): Operation | undefined {
  const key = `${workload}/${variant}`;
  if (!operations.has(key)) operations.set(key, engine?.operation(workload, variant));
  return operations.get(key);
}

async function run(request: Request & { kind: 'run' }): Promise<RunReply> {
  const call = operation(request.workload, request.variant);
  if (!call) throw new Error(`no ${request.workload}/${request.variant} in this engine`);
  if (request.count) tap?.start();
  const before = process.cpuUsage();
  const result = await drive(call, request.load);
  const cpu = process.cpuUsage(before);
  const wire = request.count ? tap?.stop() : undefined;
  return { ...result, cpu: cpu.user + cpu.system, peakMemory: process.resourceUsage().maxRSS * 1024, ...(wire && { wire }) };
}
