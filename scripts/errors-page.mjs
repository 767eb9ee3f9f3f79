/** Writes docs/errors.md from the catalogue: code, HTTP status, and what the catalogue's own comments and messages say. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './tools.mjs';

const source = readFileSync(join(root, 'packages', 'decorators', 'src', 'errors.ts'), 'utf8');
const lines = source.slice(source.indexOf('export interface ErrorCatalogue'), source.indexOf('export type ErrorCode')).split('\n');
const rows = [];
for (let i = 0; i < lines.length - 1; i++) {
  const comment = /^\s*\/\*\* \[(\d+)\] ?(.*?) ?\*\/$/.exec(lines[i]);
  const entry = /^\s*([A-Z_]+): (.*);$/.exec(lines[i + 1]);
  if (comment === null || entry === null) continue;
  const [, status, meaning] = comment;
  const [, code, details] = entry;
  const text = source.split('\n').find((line) => line.includes(`entry<'${code}'>(`)) ?? '';
  const message = /=> [`'](.*)[`']\),$/.exec(text)?.[1] ?? '';
  const shown = meaning !== '' ? meaning : message.replace(/\$\{(?:[^{}]|\{[^{}]*\})*\}/g, '…').replaceAll('\\n', ' ');
  rows.push(`| \`${code}\` | ${status} | ${shown.replaceAll('|', '\\|')} | \`${details.replaceAll('|', '\\|')}\` |`);
}
writeFileSync(join(root, 'docs', 'errors.md'), `# Errors

Every error of Apiary is one class with a stable \`code\`: \`if (isApiaryError(e, 'CONFLICT')) e.details.stored\`. The code is the contract, the text is not. Made from the
catalogue by \`node scripts/errors-page.mjs\`.

| code | HTTP | when | details |
|---|---|---|---|
${rows.join('\n')}

Two classes are thrown *to* Apiary by a communicator: \`NonRetryableError\` (no further attempt) and \`RetryAfterError(message, after)\` (the next attempt after this time).
`);
console.log(`${rows.length} codes`);
