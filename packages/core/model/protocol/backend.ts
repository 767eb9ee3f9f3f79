import type { Backend, BackendKind } from './state.js';

/** A backend that was just sent something. */
export const blankBackend = (kind: BackendKind, process: number, executor: number): Backend => ({
  kind,
  process,
  executor,
  w: -1,
  i: -1,
  state: 'sent',
  why: '',
  rows: [],
  effects: [],
  value: '',
  attached: true,
  killed: false,
  handedOver: false,
  conflictMine: false,
  holdsLock: false,
  needsLock: false,
  from: -1,
  lane: '',
  got: [],
});

/** Backends in an order of their own. */
export function compareBackends(a: Backend, b: Backend): number {
  return (
    a.process - b.process ||
    a.w - b.w ||
    a.i - b.i ||
    a.executor - b.executor ||
    order(a.kind, b.kind) ||
    order(a.state, b.state) ||
    Number(a.attached) - Number(b.attached) ||
    Number(a.killed) - Number(b.killed) ||
    a.from - b.from ||
    a.rows.length - b.rows.length
  );
}

const order = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
