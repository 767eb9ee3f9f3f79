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
const endlessMs = 300_000;
const seeds = (experiment: Experiment): number[] =>
  values.seed !== undefined ? [Number(values.seed)] : Array.from({ length: Math.min(experiment.runs, Number(values.runs ?? Infinity)) }, (_, i) => i + 1);

// One run of each before the second of any: whatever the time allows, every fault has its share.
const plan = chosen.flatMap((experiment) => seeds(experiment).map((seed, round) => ({ experiment, seed, round }))).sort((a, b) => a.round - b.round);
let failed = 0;
for (const [number, { experiment, seed }] of plan.entries()) {
  if (values.seed === undefined && done.some((result) => result.experiment === experiment.name && result.seed === seed && result.seconds === seconds)) continue;
  const result = await told(experiment, seed);
  const hits = Object.entries(result.hits).map(([fault, times]) => `${times} ${fault}`);
  console.log(`${number + 1}/${plan.length} ${experiment.name} seed ${seed}: ${result.workflows} workflows, ${hits.join(', ')}; ${result.verdict}`);
  if (result.verdict !== 'holds') {
    if (result.verdict !== 'not run') failed++;
    for (const line of result.problems) console.log(`    ${line}`);
  }
}

/** A run that fails is a result too, and one that does not end is written down before it ends all: the next start goes on behind it. */
async function told(experiment: Experiment, seed: number): Promise<RunResult> {
  const wrong = (verdict: RunResult['verdict'], problem: unknown): RunResult => ({
    ...{ experiment: experiment.name, seed, seconds, workflows: 0, hits: {}, quiesced: 0, takeovers: [] },
    ...{ verdict, problems: [problem instanceof Error ? (problem.stack ?? problem.message) : String(problem)] },
  });
  const keep = (result: RunResult): RunResult => {
    done.push(result);
    appendFileSync(values.memory, `${JSON.stringify(result)}\n`);
    return result;
  };
  const alarm = setTimeout(
    () => {
      keep(wrong('stuck', `the run did not end within ${endlessMs / 1000} s`));
      console.log(`${experiment.name} seed ${seed} does not end: stopped. Start again to go on behind it.`);
      process.exit(1);
    },
    endlessMs + seconds * 1000,
  );
  try {
    return keep(await runOnce(experiment, seed, seconds).catch((error: unknown) => wrong('broken', error)));
  } finally {
    clearTimeout(alarm);
  }
}

const table = tableOf(experiments, done);
console.log(`\n${table}`);
if (values.markdown !== undefined) writeFileSync(values.markdown, table);
process.exit(failed === 0 ? 0 : 1);
