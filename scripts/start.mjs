/** `npm start`: from a fresh clone to the running example in one command. */
import { join } from 'node:path';
import { build, install, root, run } from './tools.mjs';

install();
build();
run(process.execPath, [join(root, 'examples', 'travel', 'dist', 'main.js'), ...process.argv.slice(2)]);
