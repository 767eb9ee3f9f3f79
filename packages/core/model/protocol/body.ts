/**
 * What a workflow does. A body is a generator: each `yield` calls steps, all at once, and waits for them as `Promise.all` or
 * `Promise.race` would. Steps get what was derived from all results so far (`input`), so a body that saw another value makes another call.
 */
export type Kind =
  /** A read-only transaction: gives the user's cell. */
  | 'read'
  /** A writing transaction. */
  | 'write'
  /** A communicator. */
  | 'call'
  /** A message to another workflow: one row in a journal group. */
  | 'send'
  /** A durable sleep. */
  | 'sleep'
  /** A wait for something that never comes. */
  | 'wait'
  /** A call of a child workflow. */
  | 'child'
  /** Records which step won the race before it (`parallel.race`). */
  | 'winner'
  /** Kills its process. */
  | 'poison';

export interface Call {
  readonly kind: Kind;
  /** The workflow that is called or started. */
  readonly target: number;
  /** A writing transaction that locks the user's row with its first statement, or with its second. */
  readonly locks: '' | 'first' | 'second';
  /** Replaces the input that is derived from the results so far. */
  readonly input: string;
}

export interface Stage {
  readonly calls: readonly Call[];
  readonly race: boolean;
}

export type Body = () => Generator<Stage, void, string[]>;

const call = (kind: Kind, rest: Partial<Call> = {}): Call => ({ kind, target: -1, locks: '', input: '', ...rest });
export const read = call('read');
export const write = call('write');
export const communicate = call('call');
export const send = call('send');
export const sleep = call('sleep');
export const wait = call('wait');
export const winner = call('winner');
export const poison = call('poison');
export const child = (target: number): Call => call('child', { target });
/** A writing transaction that starts another workflow (outbox). */
export const writeAndStart = (target: number): Call => call('write', { target });
export const writeLocking = (locks: 'first' | 'second'): Call => call('write', { locks });
export const writeUsing = (input: string): Call => call('write', { input });
export const all = (...calls: Call[]): Stage => ({ calls, race: false });
export const race = (...calls: Call[]): Stage => ({ calls, race: true });

/** An error as a result. */
export const isError = (value: string): boolean => value.startsWith('!');

export class StepError extends Error {
  constructor(readonly value: string) {
    super(value);
  }
}

export interface Outcome {
  readonly status: 'SUCCESS' | 'ERROR' | 'CANCELLED' | 'DEAD';
  readonly value: string;
}

/** A call that a body has made. */
export interface Planned extends Call {
  readonly id: number;
  readonly stage: number;
  readonly race: boolean;
}

export interface Plan {
  readonly calls: readonly Planned[];
  /** How the body ended, or null. */
  readonly end: Outcome | null;
}

/**
 * What the body has done by now, given the results of its steps ('' for none yet) and the step that decided each stage: the winner of a
 * race, the first that failed of an `all`; -1 for none.
 */
export function plan(body: Body, given: readonly string[], decided: readonly number[]): Plan {
  const calls: Planned[] = [];
  let seen = '';
  try {
    const generator = body();
    let next = generator.next();
    for (let stage = 0; next.done !== true; stage++) {
      const { calls: now, race: isRace } = next.value;
      const planned = now.map((c, k) => ({ ...c, id: calls.length + k, stage, race: isRace, input: c.input === '' ? seen : c.input }));
      calls.push(...planned);
      const first = decided[stage] ?? -1;
      const result = first >= 0 ? (given[first] as string) : '';
      if (first >= 0 && isError(result)) {
        seen += isRace && keepsWinner(body) ? '' : '!';
        next = generator.throw(new StepError(`${result}${first}`));
      } else if (isRace) {
        if (first < 0) return { calls, end: null };
        seen += keepsWinner(body) ? '' : `${first}${result}`;
        next = generator.next([String(first), result]);
      } else {
        const results = planned.map((c) => given[c.id] as string);
        if (results.includes('')) return { calls, end: null };
        seen += results.join('');
        next = generator.next(results);
      }
    }
    return { calls, end: { status: 'SUCCESS', value: `${seen}.` } };
  } catch (error) {
    if (!(error instanceof StepError)) throw error;
    return { calls, end: { status: 'ERROR', value: `${seen}.` } };
  }
}

const recording = new WeakSet<Body>();
/** Marks a body that uses the winner of its race only through a `winner` step. */
export function recordsWinner(body: Body): Body {
  recording.add(body);
  return body;
}
export const keepsWinner = (body: Body): boolean => recording.has(body);

/** What a step's effect is made of: its kind and all that its input was derived from. */
export const effectOf = (c: Planned): string => `${c.kind === 'send' ? 'm' : 'w'}${c.input}`;

/** The result that a parent gets from its child's outcome. */
export const resultOf = (outcome: Outcome): string => (outcome.status === 'SUCCESS' ? outcome.value : `!${outcome.status}`);
