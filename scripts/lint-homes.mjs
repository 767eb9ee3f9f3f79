/**
 * Single homes that oxlint has no rule for: one file writes to a socket, one makes errors of the catalogue, one asks this machine for the time; and
 * the direction of imports between the folders of core. Prints what it finds, and ends with 1 then.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join, relative, sep } from 'node:path';
import { root } from './tools.mjs';

const core = 'packages/core/src';
/** What may stand in its home only. `in` and `home` are folders or files. */
const homes = [
  {
    what: /\bnew Date\(\)/,
    in: [core, 'packages/decorators/src'],
    home: [`${core}/clock.ts`, `${core}/determinism/sources.ts`],
    say: 'time has one home: clock.ts',
  },
  { what: /\bstream\.write\(|\bclient\.query\(/, in: [core], home: [`${core}/store/connection`], say: 'statements reach the driver in store/connection' },
  { what: /\bstream\.write\(/, in: [core], home: [`${core}/store/connection/flight.ts`], say: 'one file writes to a socket: flight.ts' },
  {
    what: /\bApiaryError\.create\b/,
    in: ['packages'],
    home: ['packages/decorators/src/errors.ts'],
    say: 'errors of the catalogue are made by raise() and apiaryError()',
  },
  { what: /'(40001|40P01|57P01|08006)'/, in: [core], home: [`${core}/store/connection`], say: 'errors of the database are judged in classify.ts' },
];
/** Folders of core and what they may not import, types aside. */
const layers = [
  { folders: ['codec', 'validation'], not: ['executor', 'journal', 'recovery', 'store', 'workflows', 'sql'] },
  { folders: ['sql'], not: ['executor', 'journal', 'recovery', 'workflows'] },
  { folders: ['store'], not: ['executor', 'journal', 'recovery', 'workflows'] },
  { folders: ['journal'], not: ['recovery', 'workflows'] },
];

const problems = [];
for (const { path, text } of sources('packages')) {
  const code = withoutComments(text);
  for (const { what, in: where, home, say } of homes) {
    if (!where.some((folder) => within(path, folder)) || home.some((folder) => within(path, folder))) continue;
    for (const line of linesOf(code, what)) problems.push(`${path}:${line}: ${say}`);
  }
  for (const { folders, not } of layers) {
    if (!folders.some((folder) => within(path, `${core}/${folder}`))) continue;
    const forbidden = new RegExp(`^import (?!type\\b).*from '(\\.\\./)+(${not.join('|')})/`);
    for (const line of linesOf(code, forbidden)) problems.push(`${path}:${line}: this folder imports types only from ${not.join(', ')}`);
  }
}
for (const problem of problems) console.error(problem);
process.exit(problems.length === 0 ? 0 : 1);

/** The TypeScript below `src` of every package. */
function* sources(folder) {
  for (const name of readdirSync(join(root, folder))) {
    for (const entry of readdirSync(join(root, folder, name), { withFileTypes: true })) {
      if (!entry.isDirectory() || entry.name !== 'src') continue;
      const files = readdirSync(join(root, folder, name, 'src'), { withFileTypes: true, recursive: true });
      for (const file of files) {
        const path = join(file.parentPath ?? file.path, file.name);
        if (file.isFile() && path.endsWith('.ts')) yield { path: relative(root, path).split(sep).join('/'), text: readFileSync(path, 'utf8') };
      }
    }
  }
}

function within(path, folder) {
  return path === folder || path.startsWith(`${folder}/`);
}

/** Comments become blanks; lines stay where they are. */
function withoutComments(text) {
  return text.replace(/\/\*[\s\S]*?\*\/|(?<=^|\s)\/\/.*$/gm, (comment) => comment.replace(/[^\n]/g, ' '));
}

function* linesOf(code, what) {
  for (const [index, line] of code.split('\n').entries()) if (what.test(line)) yield index + 1;
}
