/** Leaves an app behind: ends as the argument says. Prints the name of its database first. */
import { createTestApp } from '@apiary/testing';
import { Counter, migrations } from './counter.js';

const app = await createTestApp({ services: [Counter], migrations });
process.stdout.write(`${new URL(app.connectionString).pathname.slice(1)}\n`);
if (process.argv[2] === 'exit') process.exit(0);
if (process.argv[2] === 'kill') process.kill(process.pid, 'SIGKILL');
if (process.argv[2] === 'throw') throw new Error('a test failed');
// Else it disposes the app, and the process ends by itself.
await app[Symbol.asyncDispose]();
