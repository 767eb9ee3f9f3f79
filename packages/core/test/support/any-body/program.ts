/** Bodies of workflows, drawn: what they call, what at once, and how long it takes. */
import fc from 'fast-check';

export type Op =
  | { readonly op: 'write' | 'jot' | 'orphan' | 'read' | 'peek' | 'fails' | 'tell' | 'mute' | 'procedure'; readonly ms: number }
  | { readonly op: 'value' }
  | { readonly op: 'nap'; readonly ms: number }
  | { readonly op: 'child'; readonly body: Body }
  | { readonly op: 'started'; readonly body: Body; readonly then: Then; readonly ms: number };

/** What is done with a workflow that was started: it is awaited, that long, or asked how it is, or cancelled; or it has so much time. */
export type Then = 'awaited' | 'awaited for a time' | 'asked' | 'cancelled' | 'given a deadline';

/** Calls one after the other, with microtasks between them, in which another branch may make its own. */
export interface Branch {
  readonly hops: number;
  readonly ops: readonly Op[];
}

/** Branches that begin together. What they lead to goes on in later stages where it is a race, or an error was caught. */
export interface Stage {
  readonly how: 'all' | 'race' | 'settled';
  /** Otherwise an error ends the body. */
  readonly caught: boolean;
  readonly branches: readonly Branch[];
}
export type Body = readonly Stage[];

const ms = fc.constantFrom(0, 0, 0, 1, 3, 8);

function body(depth: number): fc.Arbitrary<Body> {
  const simple: fc.Arbitrary<Op>[] = [
    fc.record({ op: fc.constantFrom('write', 'jot', 'orphan', 'read', 'peek', 'fails', 'tell', 'tell', 'mute', 'procedure'), ms }),
    fc.record({ op: fc.constant('value' as const) }),
    fc.record({ op: fc.constant('nap' as const), ms }),
  ];
  const op = depth === 0 ? fc.oneof(...simple) : fc.oneof({ weight: 6, arbitrary: fc.oneof(...simple) }, { weight: 1, arbitrary: nested(depth - 1) });
  const branch = fc.record({ hops: fc.constantFrom(0, 0, 1, 3, 6), ops: fc.array(op, { minLength: 1, maxLength: 3 }) });
  const stage = fc.record({
    how: fc.constantFrom('all', 'all', 'race', 'settled'),
    caught: fc.boolean(),
    branches: fc.array(branch, { minLength: 1, maxLength: 4 }),
  });
  return fc.array(stage, { minLength: 1, maxLength: 3 });
}

function nested(depth: number): fc.Arbitrary<Op> {
  return fc.oneof(
    fc.record({ op: fc.constant('child' as const), body: body(depth) }),
    fc.record({
      op: fc.constant('started' as const),
      body: body(depth),
      then: fc.constantFrom('awaited', 'awaited', 'awaited for a time', 'asked', 'cancelled', 'given a deadline'),
      ms,
    }),
  );
}

export const anyBody: fc.Arbitrary<Body> = body(2);
