import type { Socket } from 'node:net';
import { Framer, int32, message, startupParameters, type Message } from '../wire/message.js';
import { requestOf } from './expected-answers.js';
import type { Pool } from './pool.js';
import { parseMessage, readParse, statementNameOf, withStatementName, type TrackedStatement } from './prepared-names.js';
import type { BoundClient, ServerConnection } from './server-connection.js';

/** What a session needs of its proxy. */
export interface SessionHost {
  readonly trackPrepared: boolean;
  readonly ignoredParameters: ReadonlySet<string>;
  pool(user: string, database: string): Pool;
  cancel(pid: number, secret: number): void;
  closed(session: ClientSession): void;
}

/** Parameters that follow a client from server connection to server connection; all others stay where they were set. */
const followed = new Map([
  ['application_name', 'application_name'],
  ['client_encoding', 'client_encoding'],
  ['datestyle', 'DateStyle'],
  ['timezone', 'TimeZone'],
  ['standard_conforming_strings', 'standard_conforming_strings'],
]);

/** One client of the pooling proxy. */
export class ClientSession implements BoundClient {
  readonly pid: number;
  readonly secret: number;
  readonly #socket: Socket;
  readonly #host: SessionHost;
  readonly #parameters = new Map<string, string>();
  readonly #statements = new Map<string, TrackedStatement>();
  #waiting: Message[] = [];
  #pool: Pool | undefined;
  #server: ServerConnection | undefined;
  #asking = false;
  #giveUp: (() => void) | undefined;
  #closed = false;

  constructor(socket: Socket, host: SessionHost, identity: { pid: number; secret: number }) {
    this.#socket = socket;
    this.#host = host;
    this.pid = identity.pid;
    this.secret = identity.secret;
    const framer = new Framer('client');
    socket.on('data', (chunk) => {
      for (const received of framer.push(chunk)) if (!this.#closed) this.#take(received);
    });
    socket.on('error', () => undefined);
    socket.once('close', () => this.#close());
  }

  /** The server connection that it has at present. */
  get server(): ServerConnection | undefined {
    return this.#server;
  }

  destroy(): void {
    this.#socket.destroy();
  }

  receive(bytes: Buffer): void {
    if (this.#socket.writable) this.#socket.write(bytes);
  }

  parameter(name: string, value: string): void {
    if (followed.has(name.toLowerCase())) this.#parameters.set(name, value);
  }

  released(): void {
    const server = this.#server;
    this.#server = undefined;
    if (server !== undefined) this.#pool?.release(server);
  }

  serverLost(): void {
    this.#server = undefined;
    this.#fail('08P01', 'server conn crashed?');
  }

  #take(received: Message): void {
    switch (received.type) {
      case 'ssl':
      case 'gss':
        this.receive(Buffer.from('N'));
        return;
      case 'cancel':
        this.#host.cancel(received.bytes.readInt32BE(8), received.bytes.readInt32BE(12));
        this.#socket.end();
        return;
      case 'startup':
        this.#start(startupParameters(received));
        return;
      case 'X':
        this.#socket.end();
        this.#close();
        return;
      default:
        this.#request(received);
    }
  }

  #start(parameters: ReadonlyMap<string, string>): void {
    const user = parameters.get('user') ?? '';
    for (const [name, value] of parameters) {
      const known = followed.get(name.toLowerCase());
      if (known !== undefined) this.#parameters.set(known, value);
      else if (name !== 'user' && name !== 'database' && !this.#host.ignoredParameters.has(name)) {
        this.#fail('08P01', `unsupported startup parameter: ${name}`);
        return;
      }
    }
    const pool = this.#host.pool(user, parameters.get('database') ?? user);
    this.#pool = pool;
    // The first server connection tells what to tell the client; it is not kept.
    this.#acquire(pool, (server) => {
      this.#welcome(server);
      pool.release(server);
    });
  }

  #welcome(server: ServerConnection): void {
    for (const [name, value] of server.parameters) {
      if (followed.has(name.toLowerCase()) && !this.#parameters.has(name)) this.#parameters.set(name, value);
    }
    const reported = new Map([...server.parameters, ...this.#parameters]);
    this.receive(message('R', int32(0)));
    for (const [name, value] of reported) this.receive(message('S', name, value));
    this.receive(message('K', int32(this.pid), int32(this.secret)));
    this.receive(message('Z', Buffer.from('I')));
  }

  #request(received: Message): void {
    if (this.#server !== undefined) {
      this.#forward(received, this.#server);
      return;
    }
    this.#waiting.push({ type: received.type, bytes: Buffer.from(received.bytes) });
    if (this.#pool !== undefined && !this.#asking) this.#acquire(this.#pool, (server) => this.#bound(server));
  }

  #acquire(pool: Pool, use: (server: ServerConnection) => void): void {
    this.#asking = true;
    const giveUp = pool.acquire(
      (server) => {
        this.#asking = false;
        use(server);
      },
      (error) => this.#fail('08006', error instanceof Error ? error.message : String(error)),
    );
    // the pool may have answered within the call
    if (this.#asking) this.#giveUp = giveUp;
  }

  #bound(server: ServerConnection): void {
    this.#server = server;
    server.bind(this);
    const changed = [...this.#parameters].filter(([name, value]) => server.parameters.get(name) !== value);
    if (changed.length > 0) {
      server.answers.expect('query', 'swallow');
      server.send(message('Q', changed.map(([name, value]) => `SET ${name} = '${value.replaceAll("'", "''")}';`).join('')));
    }
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const received of waiting) this.#forward(received, server);
  }

  #forward(received: Message, server: ServerConnection): void {
    if (this.#host.trackPrepared && this.#tracked(received, server)) return;
    const request = requestOf(received);
    if (request !== undefined) server.answers.expect(request);
    server.send(received.bytes);
  }

  /** Handles what concerns named statements; true if the message is done with. */
  #tracked(received: Message, server: ServerConnection): boolean {
    if (received.type === 'P') {
      const { name, definition } = readParse(received);
      if (name === '' || this.#pool === undefined) return false;
      const statement = this.#pool.statements.of(definition);
      this.#statements.set(name, statement);
      if (server.prepared.has(statement.name)) server.answers.expect('parse', { fake: message('1') });
      else this.#prepare(statement, server, 'forward');
      return true;
    }
    if (received.type !== 'B' && received.type !== 'D' && received.type !== 'C') return false;
    const name = statementNameOf(received);
    const statement = name === undefined ? undefined : this.#statements.get(name);
    if (name === undefined || statement === undefined) return false;
    if (received.type === 'C') {
      // other clients may use the same statement on that connection: only the client's name for it goes
      this.#statements.delete(name);
      server.answers.expect('close', { fake: message('3') });
      return true;
    }
    if (!server.prepared.has(statement.name)) this.#prepare(statement, server, 'swallow');
    server.answers.expect(received.type === 'B' ? 'bind' : 'describe');
    server.send(withStatementName(received, statement.name));
    return true;
  }

  #prepare(statement: TrackedStatement, server: ServerConnection, handling: 'forward' | 'swallow'): void {
    server.prepared.add(statement.name);
    server.answers.expect('parse', handling, () => server.prepared.delete(statement.name));
    server.send(parseMessage(statement));
  }

  #fail(code: string, text: string): void {
    this.receive(message('E', Buffer.from('S'), 'FATAL', Buffer.from('V'), 'FATAL', Buffer.from('C'), code, Buffer.from('M'), text, Buffer.from([0])));
    this.#socket.end();
    this.#close();
  }

  #close(): void {
    if (this.#closed) return;
    this.#closed = true;
    if (this.#asking) this.#giveUp?.();
    // It leaves a transaction behind: nobody else may have that connection.
    this.#server?.destroy();
    this.#server = undefined;
    this.#host.closed(this);
  }
}
