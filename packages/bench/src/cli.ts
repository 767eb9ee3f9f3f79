#!/usr/bin/env node
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { bench, type Progress } from './coordinator/bench.js';
import type { BenchResult } from './coordinator/measurement.js';
import { type CliOptions, HELP, parseOptions } from './options.js';
import { chart } from './report/chart.js';
import { describeMachine } from './report/machine.js';
import { markdown } from './report/markdown.js';
import { statementTable } from './report/statements.js';
import { textTable } from './report/table.js';
import { openServer } from './server/server.js';
import { smoke } from './smoke.js';
import { runStudy } from './studies/study.js';

const DOCS = new URL('../../../docs/', import.meta.url);

async function main(argv: readonly string[]): Promise<number> {
  const options = parseOptions(argv);
  if (options.help) {
    console.log(HELP);
    return 0;
  }
  if (options.smoke) return smoke(options);
  if (options.study) return runStudy(options.study, options);
  const server = await openServer();
  try {
    const machine = await describeMachine(server.client, options.pool);
    const measurements = await bench(server, options, progress(options));
    write(options, { machine, command: commandOf(argv), date: new Date().toISOString(), yardstick: options.engines[0] ?? '', measurements });
  } finally {
    await server.close();
  }
  return 0;
}

/** What a reader must type to get the same table: where its writer kept the files is nobody's business. */
function commandOf(argv: readonly string[]): string {
  const shown = argv.filter((word, i) => !/^--(json|markdown|docs)\b/.test(word) && !/^--(json|markdown)$/.test(argv[i - 1] ?? ''));
  return ['npm run bench', ...(shown.length > 0 ? ['--', ...shown] : [])].join(' ');
}

function progress(options: CliOptions): Progress {
  return {
    cell: (workload, clients) => process.stderr.write(`${workload}, ${clients} client${clients === 1 ? '' : 's'}\n`),
    ...(options.statements && { statements: (label, operations, costs) => console.log(`\n${label}\n${statementTable(operations, costs)}`) }),
  };
}

function write(options: CliOptions, result: BenchResult): void {
  console.log(`\n${textTable(result.measurements)}`);
  if (options.json) writeFileSync(options.json, `${JSON.stringify(result, null, 2)}\n`);
  if (options.markdown) writeFileSync(options.markdown, markdown(result, undefined));
  if (!options.docs) return;
  writeFileSync(new URL('benchmarks.md', DOCS), markdown(result, 'benchmarks.svg'));
  writeFileSync(new URL('benchmarks.svg', DOCS), chart(result.measurements, result.yardstick));
  console.log(`\nwritten: ${fileURLToPath(new URL('benchmarks.md', DOCS))} and benchmarks.svg`);
}

// A first interrupt ends the engines, and the run cleans up after them; a second one ends it at once.
process.once('SIGINT', () => undefined);

main(process.argv.slice(2)).then(
  (code) => {
    process.exitCode = code;
  },
  (error: unknown) => {
    console.error(error instanceof Error ? error.message : error);
    process.exitCode = 1;
  },
);
