import { AppendLog, readAppendLog } from './append-log.js';

/** One line: what a client knew at that time about one workflow. */
export type JournalLine = { readonly id: string; readonly at: number } & (
  | { readonly event: 'intent'; readonly function: string; readonly input?: unknown }
  | { readonly event: 'ack' }
  | { readonly event: 'error'; readonly started: boolean; readonly message: string }
  | { readonly event: 'unknown'; readonly message: string }
  | { readonly event: 'result'; readonly status: string; readonly value?: unknown }
);
/** What a line says beyond id and time. */
type Fields<L> = L extends JournalLine ? Omit<L, 'id' | 'at'> : never;

/** All that the client knew about one workflow in the end. */
export interface ClientKnowledge {
  readonly id: string;
  readonly function: string;
  readonly input: unknown;
  /** `unknown` also when the client died between intent and answer. `not started` is an error that promises it. */
  readonly start: 'acknowledged' | 'not started' | 'unknown';
  /** Every outcome that any client saw, in order. */
  readonly results: readonly { readonly status: string; readonly value: unknown }[];
}

/**
 * The journal of a client that starts workflows, on disk before the client goes on: `intent` before the call, then `ack`, `error` or `unknown`,
 * then `result`. It tells after any crash what was promised to whom.
 */
export class ClientJournal {
  readonly #log: AppendLog;

  private constructor(log: AppendLog) {
    this.#log = log;
  }

  /** Opens the file, and continues it if it exists. */
  static open(file: string): ClientJournal {
    return new ClientJournal(new AppendLog(file));
  }

  intent(id: string, name: string, input?: unknown): Promise<void> {
    return this.#write(id, { event: 'intent', function: name, input });
  }

  ack(id: string): Promise<void> {
    return this.#write(id, { event: 'ack' });
  }

  /** The start was refused. `started: false` says that the client was told that nothing was started. */
  error(id: string, error: unknown, options: { readonly started: boolean }): Promise<void> {
    return this.#write(id, { event: 'error', started: options.started, message: messageOf(error) });
  }

  /** The client cannot know: time-out, lost connection. */
  unknown(id: string, error: unknown): Promise<void> {
    return this.#write(id, { event: 'unknown', message: messageOf(error) });
  }

  /** An outcome that the client was given; `status` as in the database, `value` plain JSON. */
  result(id: string, status: string, value?: unknown): Promise<void> {
    return this.#write(id, { event: 'result', status, value });
  }

  close(): Promise<void> {
    return this.#log.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #write(id: string, fields: Fields<JournalLine>): Promise<void> {
    return this.#log.append({ id, at: Date.now(), ...fields });
  }
}

/** Reads one or more journals into what the clients knew, a workflow each. */
export function readClientJournal(...files: readonly string[]): ReadonlyMap<string, ClientKnowledge> {
  const tries = new Map<string, Tries>();
  for (const line of files.flatMap((file) => readAppendLog<JournalLine>(file))) {
    let entry = tries.get(line.id);
    if (entry === undefined)
      tries.set(line.id, (entry = { name: '', input: undefined, open: 0, unknown: false, acknowledged: false, refused: false, results: [] }));
    note(entry, line);
  }
  return new Map([...tries].map(([id, entry]) => [id, knowledge(id, entry)]));
}

interface Tries {
  name: string;
  input: unknown;
  /** Intents without an answer yet. */
  open: number;
  unknown: boolean;
  acknowledged: boolean;
  refused: boolean;
  readonly results: { status: string; value: unknown }[];
}

function note(entry: Tries, line: JournalLine): void {
  if (line.event === 'intent') {
    entry.name = line.function;
    entry.input = line.input;
    entry.open++;
    return;
  }
  if (line.event === 'result') {
    // an outcome is an acknowledgement too
    entry.acknowledged = true;
    entry.results.push({ status: line.status, value: line.value });
    return;
  }
  entry.open--;
  if (line.event === 'ack') entry.acknowledged = true;
  else if (line.event === 'error' && !line.started) entry.refused = true;
  else entry.unknown = true;
}

function knowledge(id: string, entry: Tries): ClientKnowledge {
  // one try of which nobody knows the end outweighs every refusal of another try
  const unknown = entry.unknown || entry.open > 0 || !entry.refused;
  const start = entry.acknowledged ? 'acknowledged' : unknown ? 'unknown' : 'not started';
  return { id, function: entry.name, input: entry.input, start, results: entry.results };
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
