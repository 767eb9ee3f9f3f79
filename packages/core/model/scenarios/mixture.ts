/** Several shapes at once, for the simulator: three executors, rich faults, each process a victim. */
import type { Body, Stage } from '../protocol/body.js';
import { keepsWinner, recordsWinner } from '../protocol/body.js';
import { budget, type Scenario, type WorkflowSpec } from '../protocol/scenario.js';
import { shapes, type Shape, type ShapeName } from './shapes.js';

const executors = 3;

const rich = budget({ crash: 3, stop: 2, cut: 3, serialization: 2, database: 2, bump: 3, lapse: 3, cancel: 1, resume: 1, userError: 1, fork: 1, shutdown: 1 });

/** One shape in the hands of three executors. */
export const crowded = (shape: ShapeName): Scenario => ({ ...(shapes[shape] as Shape), processes: executors, anyVictim: true, maxRecoveries: 3, budget: rich });

/** Up to three shapes, called at different processes; which ones, the seed says. */
export function mixture(seed: number): { readonly name: string; readonly scenario: Scenario } {
  const names = (Object.keys(shapes) as ShapeName[]).filter((n) => !('pooler' in shapes[n]));
  const pick = (k: number): ShapeName => names[Math.abs(Math.imul(seed + 1, 0x9e3779b1 + 2 * k) >>> 8) % names.length] as ShapeName;
  const chosen = [...new Set([pick(0), pick(1), pick(2)])];
  const workflows: WorkflowSpec[] = [];
  const callers: Scenario['callers'][number][] = [];
  chosen.forEach((name, k) => {
    const shape = shapes[name] as Shape;
    const by = workflows.length;
    callers.push(...shape.callers.map((c) => ({ process: (c.process + k) % executors, workflow: c.workflow + by })));
    workflows.push(...shape.workflows.map((w) => moved(w, by)));
  });
  return {
    name: chosen.join(' & '),
    scenario: {
      workflows,
      callers,
      processes: executors,
      anyVictim: true,
      maxRecoveries: 3,
      atOnce: seed % 2 === 0,
      slowRenewal: seed % 3 === 0,
      budget: { ...rich, failover: seed % 4 === 0 ? 1 : 0 },
    },
  };
}

/** The same workflow with other numbers for the workflows that it refers to. */
function moved(spec: WorkflowSpec, by: number): WorkflowSpec {
  const { parent, fork } = spec;
  return {
    ...spec,
    body: movedBody(spec.body, by),
    ...(parent === undefined ? {} : { parent: parent + by }),
    ...(fork === undefined ? {} : { fork: { ...fork, of: fork.of + by } }),
  };
}

function movedBody(body: Body, by: number): Body {
  const move = (stage: Stage): Stage => ({ ...stage, calls: stage.calls.map((c) => (c.target < 0 ? c : { ...c, target: c.target + by })) });
  const wrapped: Body = function* () {
    const inner = body();
    let next = inner.next();
    while (next.done !== true) {
      let results: string[];
      try {
        results = yield move(next.value);
      } catch (error) {
        next = inner.throw(error);
        continue;
      }
      next = inner.next(results);
    }
  };
  return keepsWinner(body) ? recordsWinner(wrapped) : wrapped;
}
