import type { NumberedFlight } from './flight-numbers.js';

/**
 * What happens at a point. kill: SIGKILL of the process. cut: its connection, and nothing else. server: PostgreSQL stops at once and
 * starts again, the process lives. stop: SIGSTOP, another executor takes over and finishes, SIGCONT.
 */
export type CrashMode = 'kill' | 'cut' | 'server' | 'stop';
export const modes: readonly CrashMode[] = ['kill', 'cut', 'server', 'stop'];

/** A moment of a run. */
export interface CrashPoint {
  /** Number of the flight. */
  readonly flight: number;
  /**
   * before: nothing of it is written. within: the bytes of its first `statements` statements are. written: all of it is, its answer is
   * not read. answered: its answer has arrived, nobody has been told.
   */
  readonly at: 'before' | 'within' | 'written' | 'answered';
  readonly statements?: number;
}

/** `3 before`, `3 within 2`, `3 written` */
export function nameOf(point: CrashPoint): string {
  return `${point.flight} ${point.at}${point.at === 'within' ? ` ${point.statements ?? 0}` : ''}`;
}

/**
 * Every point of a run.
 * @param every 'write': before, after, and with the answer of each write. 'statement': also in the middle of each write, after each of its
 *   statements; behind the last one only its Sync is missing.
 */
export function pointsOf(trace: readonly NumberedFlight[], every: 'write' | 'statement'): CrashPoint[] {
  return trace.flatMap(({ number: flight, statements }): CrashPoint[] => [
    { flight, at: 'before' },
    ...(every === 'statement' ? statements.map((_, i): CrashPoint => ({ flight, at: 'within', statements: i + 1 })) : []),
    { flight, at: 'written' },
    { flight, at: 'answered' },
  ]);
}
