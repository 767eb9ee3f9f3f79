/** `npm run reliability`: the randomized experiments. Goes on where it was ended; each run can be repeated from its seed. */
import { appendFileSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { parseArgs } from 'node:util';
import type { Experiment } from './experiment.js';
import { experiments } from './experiments.js';
import { tableOf } from './report.js';
import { runOnce, type RunResult } from './run-once.js';

const usage = `npm run reliability -- [options]

  --only E4,E7       some experiments; default all
  --runs n           so many runs of each, at most those of the plan; default the plan's
  --seconds s        load and faults of a run; default 10
  --seed n           this run only, of the experiments named
  --memory file      default .apiary/reliability.jsonl
  --fresh            forget what was done
  --markdown file    write the table`;

const { values } = parseArgs({
  options: {
    only: { type: 'string' },
    runs: { type: 'string' },
    seconds: { type: 'string', default: '10' },
    seed: { type: 'string' },
    memory: { type: 'string', default: '.apiary/reliability.jsonl' },
    fresh: { type: 'boolean', default: false },
    markdown: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
});
if (values.help) {
  console.log(usage);
  process.exit(0);
}
mkdirSync(dirname(values.memory), { recursive: true });
if (values.fresh) rmSync(values.memory, { force: true });
const done: RunResult[] = existsSync(values.memory)
  ? readFileSync(values.memory, 'utf8')
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as RunResult)
  : [];
const chosen = experiments.filter(
  ({ name }) => values.only === undefined || values.only.split(',').some((wanted) => name === wanted || name.startsWith(`${wanted} `)),
);
const seconds = Number(values.seconds);
const seeds = (experiment: Experiment): number[] =>
  values.seed !== undefined ? [Number(values.seed)] : Array.from({ length: Math.min(experiment.runs, Number(values.runs ?? Infinity)) }, (_, i) => i + 1);

// One run of each before the second of any: whatever the time allows, every fault has its share.
const plan = chosen.flatMap((experiment) => seeds(experiment).map((seed, round) => ({ experiment, seed, round }))).sort((a, b) => a.round - b.round);
let failed = 0;
for (const [number, { experiment, seed }] of plan.entries()) {
  if (values.seed === undefined && done.some((result) => result.experiment === experiment.name && result.seed === seed && result.seconds === seconds)) continue;
  const result = await runOnce(experiment, seed, seconds);
  done.push(result);
  appendFileSync(values.memory, `${JSON.stringify(result)}\n`);
  const hits = Object.entries(result.hits).map(([fault, times]) => `${times} ${fault}`);
  console.log(`${number + 1}/${plan.length} ${experiment.name} seed ${seed}: ${result.workflows} workflows, ${hits.join(', ')}; ${result.verdict}`);
  if (result.verdict !== 'holds') {
    failed++;
    for (const line of result.problems) console.log(`    ${line}`);
  }
}
const table = tableOf(experiments, done);
console.log(`\n${table}`);
if (values.markdown !== undefined) writeFileSync(values.markdown, table);
process.exit(failed === 0 ? 0 : 1);
