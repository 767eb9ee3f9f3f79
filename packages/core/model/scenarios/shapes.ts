/** The shapes of workflows that the model is checked with: who calls what, and what it does. */
import type { Body, Call } from '../protocol/body.js';
import { budget, type Budget, type Scenario, type WorkflowSpec } from '../protocol/scenario.js';
import {
  branches,
  branchesGoOn,
  catches,
  child,
  communicate,
  ignoresWhichError,
  poison,
  racesRecorded,
  read,
  send,
  sequence,
  sleep,
  throwsAfter,
  usesFirstError,
  wait,
  write,
  writeAndStart,
  writeLocking,
} from './bodies.js';

export type Shape = Omit<Scenario, 'budget'>;

const called = [{ process: 0, workflow: 0 }];
const twice = [
  { process: 0, workflow: 0 },
  { process: 1, workflow: 0 },
];
const one = (body: Body, spec: Partial<WorkflowSpec> = {}, rest: Partial<Shape> = {}): Shape => ({ workflows: [{ body, ...spec }], callers: called, ...rest });
const steps = (...stages: (Call | Call[])[]): Shape => one(sequence(...stages));
const both = (body: Body, spec: Partial<WorkflowSpec> = {}): Shape => ({ workflows: [{ body, explicit: true, ...spec }], callers: twice });
const family = (body: Body, ...children: Body[]): Shape => ({ workflows: [{ body }, ...children.map((b) => ({ body: b, parent: 0 }))], callers: called });
const W = sequence(write);

/** One workflow, or one and its children, in the hands of two processes. */
export const shapes = {
  W: steps(write),
  'R,W': steps(read, write),
  'R,C,W': steps(read, communicate, write),
  'C,W': steps(communicate, write),
  'W,C': steps(write, communicate),
  'C,send': steps(communicate, send),
  'R,send': steps(read, send),
  'W,W': steps(write, write),
  'W,W,W': steps(write, write, write),
  'W, at once or handed over': one(sequence(write, write), {}, { atOnce: true }),
  'C,W,W': steps(communicate, write, write),
  'C,R,W': steps(communicate, read, write),
  'W||W': steps([write, write]),
  'R,(W||W)': steps(read, [write, write]),
  'R||W': steps([read, write]),
  'C||W': steps([communicate, write]),
  'R||W||C': steps([read, write, communicate]),
  'R then C or send': one(branches),
  'W catch W': one(catches(write, write)),
  'W then throw': one(throwsAfter(write)),
  '(W||W) catch W': one(ignoresWhichError),
  '(W||W) catch W of the first': one(usesFirstError),
  'race recorded': one(racesRecorded),
  'race(W,W),W': one(branchesGoOn(write, write)),
  'race(C,W),W': one(branchesGoOn(communicate, write)),
  'race(R,W),W': one(branchesGoOn(read, write)),
  'race(child(R),W),W': family(branchesGoOn(child(1), write), sequence(read)),
  'sleep,W': steps(sleep, write),
  'sleep,C': steps(sleep, communicate),
  'W,sleep,W': steps(write, sleep, write),
  'R,child(W)': family(sequence(read, child(1)), W),
  'W,child(W)': family(sequence(write, child(1)), W),
  'child(W,W)': family(sequence(child(1)), sequence(write, write)),
  'child(W)||child(W)': family(sequence([child(1), child(2)]), W, W),
  'child(R)||child(W)': family(sequence([child(1), child(2)]), sequence(read), W),
  'W||child(W)': family(sequence([write, child(1)]), W),
  'child(sleep)': family(sequence(child(1)), sequence(sleep)),
  'direct W': one(W, { direct: true }),
  'W starts W': { workflows: [{ body: sequence(writeAndStart(1)) }, { body: W }], callers: called },
  'user locks': steps([writeLocking('second'), writeLocking('first')]),
  'R,W with a deadline': one(sequence(read, write), { deadline: true }),
  'sleep,W with a deadline': one(sequence(sleep, write), { deadline: true }),
  'W,wait with a deadline': one(sequence(write, wait), { deadline: true }),
  'child(wait) with a deadline': {
    workflows: [
      { body: sequence(child(1)), deadline: true },
      { body: sequence(wait), parent: 0, deadline: true },
    ],
    callers: called,
  },
  'R,W and its fork': {
    workflows: [{ body: sequence(read, write) }, { body: sequence(read, write), fork: { of: 0, step: 1 } }],
    callers: [
      { process: 0, workflow: 0 },
      { process: 1, workflow: 1 },
    ],
  },
  'W||W and its fork': {
    workflows: [{ body: sequence([write, write]) }, { body: sequence([write, write]), fork: { of: 0, step: 2 } }],
    callers: [
      { process: 0, workflow: 0 },
      { process: 1, workflow: 1 },
    ],
  },
  'R,W id twice': both(sequence(read, write)),
  'C id twice': both(sequence(communicate)),
  'R,W id started twice': both(sequence(read, write), { started: true }),
  'direct W id twice': both(W, { direct: true }),
  'child(W) id twice': {
    workflows: [
      { body: sequence(child(1)), explicit: true },
      { body: W, parent: 0 },
    ],
    callers: twice,
  },
  poison: one(sequence(write, poison), { started: true, poison: true }, { maxRecoveries: 2 }),
  'poison and a neighbour': {
    workflows: [
      { body: sequence(poison), started: true, poison: true },
      { body: W, started: true },
    ],
    callers: [
      { process: 0, workflow: 0 },
      { process: 0, workflow: 1 },
    ],
    maxRecoveries: 2,
  },
  'poison child': {
    workflows: [
      { body: sequence(child(1)), started: true, poison: true },
      { body: sequence(write, poison), parent: 0, poison: true },
    ],
    callers: called,
    maxRecoveries: 2,
  },
  'W,W of few recoveries': one(sequence(write, write), { started: true }, { maxRecoveries: 1 }),
  'child(W,W) of few recoveries': {
    workflows: [
      { body: sequence(child(1)), started: true },
      { body: sequence(write, write), parent: 0 },
    ],
    callers: called,
    maxRecoveries: 1,
  },
  'R,W pooler': one(sequence(read, write), {}, { pooler: true }),
  'W,C pooler': one(sequence(write, communicate), {}, { pooler: true }),
  'W||W pooler': one(sequence([write, write]), {}, { pooler: true }),
  'C, slow renewal': one(sequence(write, communicate), {}, { slowRenewal: true }),
  'W,W three processes': one(sequence(write, write), {}, { processes: 3 }),
  'W,C three processes': one(sequence(write, communicate), {}, { processes: 3 }),
} as const satisfies Record<string, Shape>;

export type ShapeName = keyof typeof shapes;

export const budgets = {
  none: budget({ bump: 1 }),
  'a crash': budget({ crash: 1, bump: 1 }),
  'a cut': budget({ cut: 1, bump: 1 }),
  'a 40001': budget({ serialization: 1, bump: 1 }),
  'a stop': budget({ stop: 1, lapse: 1 }),
  'a database crash': budget({ database: 1, bump: 1 }),
  'a cancel': budget({ cancel: 1, bump: 1 }),
  'a shutdown': budget({ shutdown: 1, bump: 1 }),
  'a failover': budget({ failover: 1 }),
  own: budget({ crash: 1, cut: 1, serialization: 1, bump: 1 }),
  crashes: budget({ crash: 2, cut: 1, bump: 1 }),
  zombie: budget({ stop: 1, lapse: 1, cut: 1, bump: 1 }),
  database: budget({ database: 1, cut: 1, crash: 1, bump: 1 }),
  cancel: budget({ cancel: 1, crash: 1, cut: 1, bump: 1 }),
  resume: budget({ cancel: 1, resume: 1, cut: 1, bump: 1 }),
  errors: budget({ userError: 1, serialization: 1, crash: 1, bump: 1 }),
  failures: budget({ userError: 2, resume: 1, bump: 1 }),
  'poison, resume': budget({ resume: 1, cancel: 1 }),
  shutdown: budget({ shutdown: 1, crash: 1, cut: 1, bump: 1 }),
  failover: budget({ failover: 1, crash: 1, cut: 1 }),
  takeovers: budget({ crash: 1, lapse: 1, cut: 1 }),
} as const satisfies Record<string, Budget>;

export type BudgetName = keyof typeof budgets;

export const scenarioOf = (shape: ShapeName, faults: Budget, more: Partial<Scenario> = {}): Scenario => {
  const base: Shape = shapes[shape];
  const bump = shape.includes('R') ? faults.bump : 0; // nothing else looks at the cell
  const fork = base.workflows.some((w) => w.fork !== undefined) ? 1 : 0;
  return { ...base, budget: { ...faults, bump, fork }, ...more };
};
