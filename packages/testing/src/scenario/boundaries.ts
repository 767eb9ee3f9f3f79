/** The points of a run: before, under way and after each write to the database, and each boundary of a step and of a workflow. */
import { createHash } from 'node:crypto';
import type { FlightPoint, Probe, StepPoint } from '@apiary/core/internal';
import { oneLine } from '../crashes/flight-numbers.js';
import { isSetUp } from '../engine/meter.js';
import { Crashed } from '../kit/crash-points.js';
import { clockMark } from '../kit/test-clock.js';

/** A point, the same in each run of the same work. */
export interface Boundary {
  /** Short, for an environment variable. */
  readonly key: string;
  /** In words. */
  readonly name: string;
}

const flightMoments: Readonly<Record<string, string>> = {
  'flight:before': 'before the write of',
  'flight:written': 'after the write, before the answer of',
  'flight:answered': 'at the answer of',
};
const stepMoments: Readonly<Record<string, string>> = {
  'step:before': 'before the body of',
  'step:returned': 'after the body, before the record of',
  'step:recorded': 'after the record of',
  'run:started': 'before the body of',
  'run:returned': 'after the body, before the outcome of',
  'run:recorded': 'after the outcome of',
};
/** What an executor looks for by itself, whenever its time comes. */
const byItself = [/pg_notify/, /^select workflow_id as "workflowId"/, /^listen /];
/** Who waits looks again and again, as often as time lets it: the first time is a point. */
const isLookUp = / of \[select [^;]*\] \(system connection\)$/;
const isWake = /with due as materialized/;
const uuid = /[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/gi;
const longest = 70;

/** Names the points of an executor, and crashes it at one of them. */
export class Boundaries {
  readonly trace: Boundary[] = [];
  /** Resolves at the crash. */
  readonly crashed: Promise<Boundary>;
  readonly #crash: (at: Boundary) => void;
  readonly #seen = new Map<string, number>();
  readonly #looked = new Set<string>();
  readonly #underWay = new Map<number, string>();
  #resolve: (at: Boundary) => void = () => {};
  #at: string | undefined;
  #counting = false;

  constructor(crash: (at: Boundary) => void) {
    this.#crash = crash;
    this.crashed = new Promise((resolve) => (this.#resolve = resolve));
  }

  /** @param at key of the point at which the executor dies; undefined: at none */
  start(at: string | undefined): void {
    this.#at = at;
    this.#counting = true;
  }

  stop(): void {
    this.#counting = false;
  }

  readonly probe: Probe = (point, detail) => {
    if (!this.#counting) return;
    const what = point.startsWith('flight:') ? this.#flight(point, detail as FlightPoint) : this.#step(point, detail as StepPoint);
    if (what === undefined) return;
    if (isLookUp.test(what) && this.#looked.has(what)) return;
    if (isLookUp.test(what)) this.#looked.add(what);
    const nth = (this.#seen.get(what) ?? 0) + 1;
    this.#seen.set(what, nth);
    const name = nth === 1 ? what : `${what}, time ${nth}`;
    const boundary: Boundary = { key: createHash('sha256').update(name).digest('hex').slice(0, 8), name };
    this.trace.push(boundary);
    if (boundary.key !== this.#at) return;
    this.#counting = false;
    this.#crash(boundary);
    this.#resolve(boundary);
    // The body of the step must not run, and what it returned goes nowhere.
    if (point === 'step:before' || point === 'step:returned') throw new Crashed(`the executor died ${name}`);
  };

  #flight(point: string, { connection, pid, statements }: FlightPoint): string | undefined {
    if (point === 'flight:before') {
      const texts = statements.map((statement) => oneLine(statement.text));
      if (!isWork(texts)) return undefined;
      // The poll's and the test clock's come at the same time; only one of them gets something.
      if (texts.some((text) => isWake.test(text)) && [...this.#underWay.values()].some((other) => isWake.test(other))) return undefined;
      this.#underWay.set(pid, `${told(texts)} (${connection} connection)`);
    }
    const flight = this.#underWay.get(pid);
    if (point === 'flight:answered') this.#underWay.delete(pid);
    return flight === undefined ? undefined : `${flightMoments[point] ?? point} ${flight}`;
  }

  #step(point: string, { workflowId, stepId, name }: Partial<StepPoint>): string | undefined {
    const moment = stepMoments[point];
    if (moment === undefined || workflowId === undefined) return undefined;
    return `${moment} ${name}${stepId === undefined ? '' : `, step ${stepId}`} of workflow ${workflowId.replaceAll(uuid, '<id>')}`;
  }
}

/** Whether a flight is something that the work made necessary. */
export function isWork(texts: readonly string[]): boolean {
  return !texts.every(isSetUp) && !texts.some((text) => text.startsWith(clockMark) || byItself.some((pattern) => pattern.test(text)));
}

function told(texts: readonly string[]): string {
  return `[${texts.map((text) => (text.length > longest ? `${text.slice(0, longest)}…` : text)).join('; ')}]`;
}

/** The points that all the runs have, in the order of the first. */
export function common(first: readonly Boundary[], second: readonly Boundary[]): readonly Boundary[] {
  const others = new Set(second.map(({ key }) => key));
  return first.filter(({ key }) => others.has(key));
}
