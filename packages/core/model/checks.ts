/** The checks by kind. Each answers one line of a table. */
import { search, type Bounds, type Result } from './checker/search.js';
import { simulate } from './checker/simulate.js';
import { protocol } from './protocol/protocol.js';
import { rules, type Rule } from './protocol/rules.js';
import { harmless } from './scenarios/harmless.js';
import { literals } from './scenarios/literal.js';
import { crowded, mixture } from './scenarios/mixture.js';
import { planted, type Try } from './scenarios/planted.js';
import { budgets, scenarioOf, shapes, type BudgetName, type ShapeName } from './scenarios/shapes.js';

export interface Check {
  readonly name: string;
  run(bounds: Bounds): Verdict;
}

export interface Verdict {
  readonly passed: boolean;
  /** False if a bound ended a search that found nothing. */
  readonly complete: boolean;
  readonly cells: readonly (string | number)[];
  readonly trace: readonly string[];
}

export const heads = {
  clean: ['shape', 'faults', 'states', 'edges', 'seconds', 'result'],
  planted: ['rule', 'DESIGN', 'broken: what happens', 'shape', 'moves', 'states', 'found by'],
  literal: ['wording', 'moves', 'found by', 'repaired by', 'states, repaired'],
  harmless: ['rule', 'DESIGN', 'broken: what happens', 'held by', 'states', 'result'],
  deep: ['shape', 'seed', 'walks', 'moves', 'faults', 'seconds', 'result'],
} as const;

const words = (r: Result): string => r.finding?.violation ?? (r.bounded ? 'nothing found within the bound' : 'holds');

/** A shape with the rules as they are: nothing may be found. */
export function cleanCheck(shape: ShapeName, faults: BudgetName): Check {
  return {
    name: `${shape}, faults: ${faults}`,
    run(bounds) {
      const r = search(protocol(scenarioOf(shape, budgets[faults])), bounds);
      return {
        passed: r.finding === undefined,
        complete: !r.bounded,
        cells: [shape, faults, r.states, r.edges, r.seconds.toFixed(1), words(r)],
        trace: r.finding?.trace ?? [],
      };
    },
  };
}

const searchBroken = (rule: Rule, { shape, budget, more, also }: Try, bounds: Bounds): Result =>
  search(protocol(scenarioOf(shape, budget, more), { [rule]: true, ...also }), bounds);

/** A broken rule: it must be found. */
export function plantedChecks(): Check[] {
  return plantedRules.map((rule) => ({
    name: `${rule}: ${rules[rule][1]}`,
    run(bounds) {
      const [paragraph, text] = rules[rule];
      let states = 0;
      for (const one of planted[rule]) {
        const r = searchBroken(rule, one, bounds);
        states += r.states;
        if (r.finding !== undefined)
          return {
            passed: true,
            complete: true,
            cells: [rule, paragraph, text, one.shape, r.finding.trace.length, states, r.finding.violation],
            trace: r.finding.trace,
          };
      }
      return { passed: false, complete: false, cells: [rule, paragraph, text, '', '', states, 'NOT FOUND'], trace: [] };
    },
  }));
}

/** A wording that fails must be found; the repaired rule must hold in the same scenario. */
export function literalChecks(): Check[] {
  return literals.map(({ text, repaired, scenario, broken }) => ({
    name: text,
    run(bounds) {
      const r = search(protocol(scenario, broken), bounds);
      const finding = r.finding;
      const fixed = Object.keys(broken).length === 0 ? undefined : search(protocol(scenario), bounds);
      const holds = fixed === undefined || (fixed.finding === undefined && !fixed.bounded);
      const after = fixed === undefined ? 'no other rule: not to be written' : holds ? fixed.states : words(fixed);
      return {
        passed: finding !== undefined && holds,
        complete: holds,
        cells: [text, finding?.trace.length ?? '', finding?.violation ?? 'NOT FOUND', repaired, after],
        trace: finding?.trace ?? [],
      };
    },
  }));
}

export function harmlessChecks(): Check[] {
  return Object.entries(harmless).map(([rule, { held, tries }]) => ({
    name: `${rule}: ${rules[rule as Rule][1]}`,
    run(bounds) {
      const [paragraph, text] = rules[rule as Rule];
      const results = tries.map((t) => searchBroken(rule as Rule, t, bounds));
      const bad = results.find((r) => r.finding !== undefined || r.bounded);
      const states = results.reduce((n, r) => n + r.states, 0);
      return {
        passed: bad === undefined,
        complete: bad === undefined,
        cells: [rule, paragraph, text, held, states, bad === undefined ? 'holds' : words(bad)],
        trace: bad?.finding?.trace ?? [],
      };
    },
  }));
}

const endless = Number.MAX_SAFE_INTEGER;
const walk = { depth: 160, patience: 6000 };

/** Three executors, one shape, every fault: random walks from a seed. */
export function deepChecks(seed: number, seconds: number, walks = endless): Check[] {
  return (Object.keys(shapes) as ShapeName[]).map((shape) => simulation(shape, { seed, seconds, walks }, () => protocol(crowded(shape))));
}

/** Three executors, two or three shapes at once, another mixture for each walk. */
export const mixtureCheck = (seed: number, seconds: number, walks = endless): Check =>
  simulation('mixtures', { seed, seconds, walks }, (s) => protocol(mixture(s).scenario));

/** A broken rule in the hands of three executors, with every fault: whether random walks find it too. */
export const simulatedCheck = (rule: keyof typeof planted, walks: number): Check => {
  const [{ shape, also }] = planted[rule];
  return simulation(`${rule}: ${shape}`, { seed: 1, seconds: 60, walks }, () => protocol(crowded(shape), { [rule]: true, ...also }));
};

export const plantedRules = Object.keys(planted) as (keyof typeof planted)[];

function simulation(name: string, bounds: { seed: number; seconds: number; walks: number }, model: (seed: number) => ReturnType<typeof protocol>): Check {
  return {
    name: `three executors: ${name}`,
    run() {
      const r = simulate(model, { ...walk, ...bounds });
      const result =
        r.finding === undefined ? 'holds' : `${r.finding.violation} (seed ${r.finding.seed}${name === 'mixtures' ? `: ${mixture(r.finding.seed).name}` : ''})`;
      return {
        passed: r.finding === undefined,
        complete: true,
        cells: [name, bounds.seed, r.walks, r.steps, r.faults, r.seconds.toFixed(1), result],
        trace: r.finding?.trace ?? [],
      };
    },
  };
}
