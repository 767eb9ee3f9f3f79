import type { Probe } from '@apiary/core/internal';

export interface Count {
  /** Writes to a socket, each with one answer: round trips. */
  readonly writes: number;
  readonly statements: number;
  /** Flights that made something durable: with COMMIT (not of a reader), or a batch of the journal. */
  readonly commits: number;
}

/** Counts what an app sends, exactly, at the driver. The poll and the opening of connections are not counted. */
export class Meter {
  #flights: { readonly kind: string; readonly texts: readonly string[] }[] = [];

  readonly probe: Probe = (point, detail) => {
    if (point !== 'flight:before') return;
    const { connection, statements } = detail as { connection: string; statements: readonly { text: string }[] };
    const texts = statements.map((s) => s.text);
    if (texts.every((text) => isSetUp(text))) return;
    this.#flights.push({ kind: connection, texts });
  };

  reset(): void {
    this.#flights = [];
  }

  of(kind: 'user' | 'system' | 'journal'): Count {
    const flights = this.#flights.filter((f) => f.kind === kind);
    return {
      writes: flights.length,
      statements: flights.reduce((n, f) => n + f.texts.length, 0),
      commits: kind === 'system' ? 0 : flights.filter((f) => kind === 'journal' || (f.texts.at(-1) === 'commit' && f.texts.length > 1)).length,
    };
  }

  /** All texts sent on connections of a kind, a list a flight. */
  texts(kind: 'user' | 'system' | 'journal'): readonly (readonly string[])[] {
    return this.#flights.filter((f) => f.kind === kind).map((f) => f.texts);
  }
}

const setUp = [
  /pg_advisory_lock_shared/,
  /select fenced from/,
  /pg_walfile_name/,
  /set_config\('synchronous_commit', 'off'/,
  /^set /i,
  /pg_backend_pid/,
  /server_version/,
  /current_setting/,
];

/** What the opening of a connection sends, and the poll. */
export function isSetUp(text: string): boolean {
  return setUp.some((pattern) => pattern.test(text));
}
