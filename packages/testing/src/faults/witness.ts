import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { AppendLog, readAppendLog } from './append-log.js';

/** What a communicator tells the witness, as the JSON body of `POST /call`. */
export interface WitnessedCall {
  /** Its idempotency key. */
  readonly key: string;
  /** The communicator's name. */
  readonly name: string;
  readonly workflowId?: string;
  readonly stepId?: string;
  readonly attempt?: number;
  /** The caller's own clock, milliseconds since the epoch. */
  readonly at?: number;
  readonly detail?: unknown;
}
/** A call as the witness wrote it down. */
export interface WitnessRecord extends WitnessedCall {
  /** Order of arrival, from 1, over all runs of the witness on this file. */
  readonly number: number;
  /** The witness's clock at arrival, milliseconds since the epoch. */
  readonly arrived: number;
}
/** How the witness answers, after it wrote the call down: a fault here is a communicator whose effect happened and whose answer got lost. */
export type WitnessAnswer = 'accept' | 'refuse' | 'hang' | 'cut';

export interface WitnessOptions {
  /** The append-only file; an existing one is continued. */
  readonly file: string;
  /** Default: accepts all. */
  readonly answer?: (record: WitnessRecord) => WitnessAnswer | Promise<WitnessAnswer>;
}

/**
 * The external world of a test: an HTTP sink outside the database that counts what communicators really did. A call is on disk before it is
 * answered, so a crash of anybody cannot hide one.
 */
export class Witness {
  readonly url: string;
  readonly file: string;
  readonly #server: Server;
  readonly #log: AppendLog;
  readonly #records: WitnessRecord[];

  private constructor(server: Server, log: AppendLog, records: WitnessRecord[]) {
    this.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    this.file = log.file;
    this.#server = server;
    this.#log = log;
    this.#records = records;
  }

  static async start(options: WitnessOptions): Promise<Witness> {
    const log = new AppendLog(options.file);
    const records = readAppendLog<WitnessRecord>(options.file);
    const server = createServer((request, response) => {
      take(request, response, log, records, options.answer).catch((error: unknown) => {
        if (!response.headersSent) response.writeHead(400);
        response.end(String(error));
      });
    });
    await new Promise<void>((resolve, reject) => server.once('error', reject).listen(0, '127.0.0.1', resolve));
    return new Witness(server, log, records);
  }

  /** The calls so far, in order of arrival. */
  get records(): readonly WitnessRecord[] {
    return this.#records;
  }

  calls(name: string): readonly WitnessRecord[] {
    return this.#records.filter((record) => record.name === name);
  }

  byKey(): ReadonlyMap<string, readonly WitnessRecord[]> {
    return groupByKey(this.#records);
  }

  async stop(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    this.#server.closeAllConnections();
    await closed;
    await this.#log.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }
}

/** The records of a witness that may be gone. */
export function readWitness(file: string): readonly WitnessRecord[] {
  return readAppendLog<WitnessRecord>(file);
}

export function groupByKey(records: readonly WitnessRecord[]): ReadonlyMap<string, readonly WitnessRecord[]> {
  const groups = new Map<string, WitnessRecord[]>();
  for (const record of records) {
    const group = groups.get(record.key);
    if (group === undefined) groups.set(record.key, [record]);
    else group.push(record);
  }
  return groups;
}

/** Tells a witness of a call; what a communicator under test does. */
export async function callWitness(url: string, call: WitnessedCall, signal?: AbortSignal): Promise<void> {
  const response = await fetch(`${url}/call`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', connection: 'close' },
    body: JSON.stringify(call),
    ...(signal === undefined ? {} : { signal }),
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`the witness answered ${response.status}: ${text}`);
}

async function take(
  request: IncomingMessage,
  response: ServerResponse,
  log: AppendLog,
  records: WitnessRecord[],
  answer: WitnessOptions['answer'],
): Promise<void> {
  if (request.method !== 'POST' || request.url !== '/call') {
    response.writeHead(404).end();
    return;
  }
  const call = parse(await body(request));
  const record: WitnessRecord = { ...call, number: records.length + 1, arrived: Date.now() };
  records.push(record);
  await log.append(record);
  switch ((await answer?.(record)) ?? 'accept') {
    case 'accept':
      response.writeHead(200).end();
      return;
    case 'refuse':
      response.writeHead(503).end('refused by the witness');
      return;
    case 'cut':
      request.socket.destroy();
      return;
    case 'hang':
  }
}

async function body(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString('utf8');
}

function parse(text: string): WitnessedCall {
  const call = JSON.parse(text) as Partial<WitnessedCall>;
  if (typeof call.key !== 'string' || typeof call.name !== 'string') throw new TypeError('a call needs a key and a name');
  return call as WitnessedCall;
}
