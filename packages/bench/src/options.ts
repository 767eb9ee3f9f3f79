import { parseArgs } from 'node:util';
import type { BenchOptions } from './coordinator/bench.js';
import { workload } from './workloads/workload.js';

export const HELP = `Usage: npm run bench -- [options]

  --workload NAMES  tx1, order, steps10, empty, children10, shop, hotel, retwis (default: tx1,order,steps10)
  --clients NUMBERS callers at the same time (default: 1,16,64)
  --engines NAMES   the first is the yardstick; raw, raw/pipeline, apiary, apiary/batch, apiary/db, apiary/db-together,
                    apiary/direct, apiary/direct-batch, apiary/direct-db, apiary/procedure,
                    dbos, dbos5, restate (after npm run bench:peers), or the path of a module
                    (default: raw,apiary,apiary/batch,apiary/db,apiary/direct,apiary/procedure)
  --slices N        rounds, the first of which is dropped (default: 8)
  --seconds S       length of a slice (default: 0.4)
  --pool N          connections of each engine (default: 20)
  --json FILE       write all measurements
  --markdown FILE   write the report
  --docs            write docs/benchmarks.md and docs/benchmarks.svg
  --statements      print what pg_stat_statements says of each counted run
  --smoke           compare exact counts with packages/bench/baseline.json; --update writes them
  --study NAME      in place of the workloads: long (workflows of 10 to 10000 steps), growth (with more and more old workflows),
                    processes (one and two executors) or recovery (of 50000 workflows)
  --sizes NUMBERS   old workflows in the study of growth (default: 10000,1000000,10000000; the last takes minutes and gigabytes)
  --help

The server is that of DATABASE_URL, else an embedded one; in it a database is made for the run and dropped again.`;

export interface CliOptions extends BenchOptions {
  readonly json: string | undefined;
  readonly markdown: string | undefined;
  readonly docs: boolean;
  readonly statements: boolean;
  readonly smoke: boolean;
  readonly update: boolean;
  readonly study: string | undefined;
  readonly sizes: readonly number[];
  readonly help: boolean;
}

/** @throws Error for an unknown option or a bad value. */
export function parseOptions(argv: readonly string[]): CliOptions {
  const { values } = parseArgs({
    args: [...argv],
    options: {
      workload: { type: 'string', default: 'tx1,order,steps10' },
      clients: { type: 'string', default: '1,16,64' },
      engines: { type: 'string', default: 'raw,apiary,apiary/batch,apiary/db,apiary/direct,apiary/procedure' },
      slices: { type: 'string', default: '8' },
      seconds: { type: 'string', default: '0.4' },
      pool: { type: 'string', default: '20' },
      json: { type: 'string' },
      markdown: { type: 'string' },
      study: { type: 'string' },
      sizes: { type: 'string', default: '10000,1000000,10000000' },
      docs: { type: 'boolean', default: false },
      statements: { type: 'boolean', default: false },
      smoke: { type: 'boolean', default: false },
      update: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  return {
    workloads: list(values.workload).map(workload),
    clients: list(values.clients).map((value) => positive('clients', value)),
    engines: list(values.engines),
    slices: Math.max(2, positive('slices', values.slices)),
    seconds: positive('seconds', values.seconds),
    pool: positive('pool', values.pool),
    json: values.json,
    markdown: values.markdown,
    docs: values.docs,
    statements: values.statements,
    smoke: values.smoke,
    update: values.update,
    study: values.study,
    sizes: list(values.sizes).map((value) => positive('sizes', value)),
    help: values.help,
  };
}

const list = (value: string): string[] => value.split(',').filter((item) => item !== '');

function positive(name: string, value: string): number {
  const number = Number(value);
  if (!(number > 0)) throw new Error(`--${name} must be a positive number, not "${value}"`);
  return number;
}
