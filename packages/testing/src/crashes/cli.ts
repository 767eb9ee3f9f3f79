/** `npm run crashes`: every shape, every statement, every fault. Takes long, can be stopped, and goes on where it was. */
import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { testServer } from '../engine/database.js';
import { Postgres15, postgres15Missing } from '../faults/postgres15.js';
import { enumerateTwice, nameOfPair, type PairResult, type TwiceResult } from './enumerate-twice.js';
import { enumerateScenario, type PointResult, type ShapeResult } from './enumerate.js';
import type { NumberedFlight } from './flight-numbers.js';
import { PointMemory } from './memory.js';
import { PairMemory } from './pair-memory.js';
import { modes, nameOf, type CrashMode } from './point.js';
import { failuresOf, markdownOf, summaryOf, tableOf, tableOfPairs } from './report.js';
import { shapes } from './shapes/index.js';

const help = `node packages/testing/dist/crashes/cli.js [options]
  --shapes a,b       of ${[...shapes.keys()].join(', ')}; default all
  --modes a,b        of ${modes.join(', ')}; default all
  --every write      points around each write; default 'statement': also within each
  --parallel n       runs at once; default 3
  --twice n          kill the recoveries too, at n pairs of writes of each shape, drawn with the seed; nothing else is done
  --seed n           of what is drawn; default 1
  --until-found      end a shape at its first difference
  --patience ms      so long nothing is said to be stuck; default 120000
  --memory file      where it keeps what it has done; default .apiary/crashes.jsonl
  --fresh            forget what was done
  --json file        write the results, point by point
  --markdown file    write the table for the documentation`;

const { values } = parseArgs({
  options: {
    shapes: { type: 'string' },
    modes: { type: 'string' },
    every: { type: 'string', default: 'statement' },
    parallel: { type: 'string', default: '3' },
    memory: { type: 'string', default: '.apiary/crashes.jsonl' },
    fresh: { type: 'boolean', default: false },
    json: { type: 'string' },
    markdown: { type: 'string' },
    help: { type: 'boolean', default: false },
    twice: { type: 'string' },
    seed: { type: 'string', default: '1' },
    'until-found': { type: 'boolean', default: false },
    patience: { type: 'string', default: '120000' },
  },
});
if (values.help) {
  console.log(help);
  process.exit(0);
}
const every = oneOf(values.every, ['write', 'statement'] as const);
const chosenModes = values.modes === undefined ? modes : values.modes.split(',').map((mode) => oneOf(mode, modes));
const chosenShapes = values.shapes === undefined ? [...shapes.keys()] : values.shapes.split(',').map((name) => oneOf(name, [...shapes.keys()]));
if (values.twice !== undefined) await enumeratePairs(Number(values.twice));
const memory = new PointMemory(values.memory, values.fresh);
const results: ShapeResult[] = [];
for (const mode of chosenModes) await enumerateMode(mode);
report();

async function enumeratePairs(most: number): Promise<never> {
  const pairMemory = new PairMemory(`${values.memory}.pairs`, values.fresh);
  const found: TwiceResult[] = [];
  let wrong = 0;
  for (const shape of chosenShapes) {
    const onPair = (result: PairResult, done: number, total: number): void => {
      progress(`twice ${shape} ${done}/${total}`);
      if (result.differences.length > 0) console.log(`\ntwice ${shape}, ${nameOfPair(result)}: ${result.differences.join('\n  ')}`);
    };
    const module = shapes.get(shape) as URL;
    const options = { server: await testServer(), most, seed: Number(values.seed), parallel: Number(values.parallel), patienceMs: Number(values.patience) };
    const result = await enumerateTwice(module, { ...options, onPair, memory: pairMemory });
    found.push(result);
    wrong += result.results.filter(({ differences }) => differences.length > 0).length;
  }
  const table = tableOfPairs(found);
  console.log(`\n${table}`);
  if (values.markdown !== undefined) writeFileSync(values.markdown, table);
  process.exit(wrong === 0 ? 0 : 1);
}

async function enumerateMode(mode: CrashMode): Promise<void> {
  if (mode !== 'server') return enumerateShapes(mode, await testServer());
  // It is stopped again and again, and is nobody else's.
  const missing = postgres15Missing();
  if (missing !== undefined) return console.log(`server: left out, ${missing}`);
  await using server = await Postgres15.create({ settings: { fsync: 'off' } });
  await enumerateShapes(mode, server.connectionString(), async () => {
    await server.crash();
    await server.start();
  });
}

async function enumerateShapes(mode: CrashMode, server: string, restart?: () => Promise<void>): Promise<void> {
  for (const shape of chosenShapes) {
    const module = shapes.get(shape) as URL;
    let trace: readonly NumberedFlight[] = [];
    const begun = performance.now();
    const onPoint = (result: PointResult, done: number, total: number): void => {
      memory.add(shape, mode, trace, result);
      progress(`${mode} ${shape} ${done}/${total}`, result);
    };
    const known = (found: readonly NumberedFlight[]): ReadonlyMap<string, PointResult> => memory.known(shape, mode, (trace = found));
    const parallel = restart === undefined ? Number(values.parallel) : 1;
    const result = await enumerateScenario(module, {
      every,
      mode,
      server,
      parallel,
      known,
      onPoint,
      patienceMs: Number(values.patience),
      untilFound: values['until-found'],
      ...(restart === undefined ? {} : { restart }),
    });
    results.push(result);
    const { points, hit, differences } = summaryOf(result);
    progress('');
    console.log(`${mode} ${shape}: ${points} points, ${hit} happened, ${differences} differences, ${((performance.now() - begun) / 1000).toFixed(0)} s`);
  }
}

function progress(text: string, result?: PointResult): void {
  if (result !== undefined && (result.differences.length > 0 || !result.asMeant))
    console.log(`\n${text}, ${nameOf(result.point)}: ${result.differences.join('\n  ')}`);
  else if (process.stdout.isTTY) process.stdout.write(`\r\u001B[K${text}`);
}

function report(): void {
  const failures = failuresOf(results);
  console.log(`\n${tableOf(results)}`);
  if (failures.length > 0) console.log(`\n${failures.join('\n')}`);
  if (values.markdown !== undefined) writeFileSync(values.markdown, markdownOf(results));
  if (values.json !== undefined)
    writeFileSync(
      values.json,
      `${JSON.stringify(
        results.map((result) => ({ ...summaryOf(result), ...result })),
        undefined,
        1,
      )}\n`,
    );
  process.exit(failures.length > 0 ? 1 : 0);
}

function oneOf<const T extends string>(value: string, allowed: readonly T[]): T {
  const found = allowed.find((item) => item === value);
  if (found !== undefined) return found;
  console.error(`${value} is none of ${allowed.join(', ')}\n\n${help}`);
  return process.exit(2);
}
