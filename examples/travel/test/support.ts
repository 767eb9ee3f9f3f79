import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { startEmbedded, type EmbeddedServer } from '@apiary/embedded';

/** Of this test process alone. */
export const databaseName = `apiary_travel_test_${process.pid}`;

/** Keeps the embedded server running between the runs of a test file: they join it. */
export function holdServer(): void {
  let server: EmbeddedServer | undefined;
  before(async function () {
    this.timeout(120_000);
    if ((process.env['DATABASE_URL'] ?? '') === '') server = await startEmbedded();
  });
  after(async function () {
    this.timeout(60_000);
    await server?.stop();
  });
}

/** The example as a user runs it, in lines. */
export function runMain(...args: string[]): Promise<{ code: number | null; output: string }> {
  const child = spawn(process.execPath, [fileURLToPath(import.meta.resolve('#travel/main.js')), '--database', databaseName, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text: string) => (output += text));
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code) => resolve({ code, output }));
  });
}
