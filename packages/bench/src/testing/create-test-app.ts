/**
 * How long `createTestApp` takes, beside the `create database ... template` of the same server that it cannot do without, in alternation: the
 * difference and the ratio say more than the milliseconds of one machine. `npm run bench:testing -- 40` measures 40 pairs.
 */
import { Service, sql, Transaction } from '@apiary/core';
import { createTestApp } from '@apiary/testing';
import pg from 'pg';

@Service()
class Notes {
  @Transaction()
  async add(text: string): Promise<number> {
    return (await sql<{ id: number }>`insert into note (text) values (${text}) returning id`.one()).id;
  }
}

const config = {
  services: [Notes],
  migrations: (knex: { schema: { raw(text: string): PromiseLike<unknown> } }) => Promise.resolve(knex.schema.raw('create table note (id serial, text text)')),
};

async function timed(work: () => Promise<unknown>): Promise<number> {
  const begun = performance.now();
  await work();
  return performance.now() - begun;
}

/** One test: an app, a call, the end. */
async function test(): Promise<void> {
  await using app = await createTestApp(config);
  await app.get(Notes).add('x');
}

function summary(times: readonly number[]): { median: number; worst: number } {
  const sorted = [...times].sort((a, b) => a - b);
  return { median: sorted[Math.floor(sorted.length / 2)] ?? 0, worst: sorted.at(-1) ?? 0 };
}

const pairs = Number(process.argv[2] ?? 20);
let server = '';
const first = await timed(async () => {
  await using app = await createTestApp(config);
  server = app.connectionString;
});
const admin = new pg.Client({ connectionString: new URL('/postgres', server).href });
await admin.connect();
const made: number[] = [];
const copied: number[] = [];
for (let i = 0; i < pairs; i++) {
  const app = { dispose: async () => {} };
  made.push(
    await timed(async () => {
      const created = await createTestApp(config);
      app.dispose = () => created[Symbol.asyncDispose]();
    }),
  );
  await app.dispose();
  copied.push(await timed(() => admin.query(`create database apiary_bench_${process.pid}_${i} template template1`)));
  await admin.query(`drop database apiary_bench_${process.pid}_${i}`);
}
const tests = await timed(async () => {
  for (let i = 0; i < 20; i++) await test();
});
await admin.end();

const [app, copy] = [summary(made), summary(copied)];
const ms = (time: number): string => `${time.toFixed(0)} ms`;
process.stdout.write(
  [
    `first app of the process, its template included  ${ms(first)}`,
    `createTestApp after it, ${pairs} times  median ${ms(app.median)}, worst ${ms(app.worst)}`,
    `create database ... template alone  median ${ms(copy.median)}, worst ${ms(copy.worst)}`,
    `ratio of the medians  ${(app.median / copy.median).toFixed(2)}`,
    `20 tests, each an app, a call and the end  ${(tests / 1000).toFixed(1)} s`,
    '',
  ].join('\n'),
);
