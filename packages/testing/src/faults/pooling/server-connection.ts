import pg from 'pg';
import type { ClientConfig } from 'pg';
import type { Socket } from 'node:net';
import { BodyReader, Framer, message, type Message } from '../wire/message.js';
import { ExpectedAnswers } from './expected-answers.js';

/** What of pg's client is used beyond its types: the login is its, the socket then is ours. */
interface LoggedIn {
  readonly connection: {
    readonly stream: Socket;
    on(event: 'parameterStatus', listener: (status: { parameterName: string; parameterValue: string }) => void): void;
  };
  readonly processID: number;
  readonly secretKey: number;
}

/** Who a server connection is bound to. */
export interface BoundClient {
  receive(bytes: Buffer): void;
  /** A parameter that the server reported while bound. */
  parameter(name: string, value: string): void;
  /** Its transaction is over; the connection may go to another. */
  released(): void;
  serverLost(): void;
}

/** A connection of a pool to PostgreSQL, bound to one client from a transaction's first message to its end. */
export class ServerConnection {
  readonly pid: number;
  readonly secret: number;
  /** Parameters that the server reported last, `application_name` of the last client included. */
  readonly parameters: Map<string, string>;
  /** Names of tracked statements that it has prepared. */
  readonly prepared = new Set<string>();
  readonly answers: ExpectedAnswers;
  /** To be closed at its release instead of used again. */
  retired = false;
  #client: BoundClient | undefined;
  readonly #socket: Socket;

  private constructor(login: LoggedIn, parameters: Map<string, string>, onLost: () => void) {
    this.pid = login.processID;
    this.secret = login.secretKey;
    this.parameters = parameters;
    this.#socket = login.connection.stream;
    this.answers = new ExpectedAnswers((bytes) => this.#client?.receive(bytes));
    const framer = new Framer('server');
    // pg's parser goes; its listeners for the end of the socket may stay
    this.#socket.removeAllListeners('data');
    this.#socket.on('data', (chunk: Buffer) => {
      for (const received of framer.push(chunk)) this.#take(received);
    });
    this.#socket.on('error', () => undefined);
    this.#socket.once('close', () => {
      onLost();
      const client = this.#client;
      this.#client = undefined;
      client?.serverLost();
    });
  }

  static async open(config: ClientConfig, onLost: () => void): Promise<ServerConnection> {
    const client = new pg.Client({ ...config, ssl: false, keepAlive: true });
    const parameters = new Map<string, string>();
    const login = client as unknown as LoggedIn;
    login.connection.on('parameterStatus', (status) => parameters.set(status.parameterName, status.parameterValue));
    // an error of the login rejects connect(); the listener is for what pg emits besides
    client.on('error', () => undefined);
    await client.connect();
    return new ServerConnection(login, parameters, onLost);
  }

  get bound(): boolean {
    return this.#client !== undefined;
  }

  bind(client: BoundClient): void {
    this.#client = client;
  }

  send(bytes: Buffer): void {
    this.#socket.write(bytes);
  }

  /** Ends it in good order. */
  end(): void {
    this.#socket.end(message('X'));
  }

  /** Ends it with whatever it was doing: its transaction rolls back. */
  destroy(): void {
    this.#client = undefined;
    this.#socket.destroy();
  }

  #take(received: Message): void {
    if (received.type === 'S') this.#noteParameter(received);
    this.answers.take(received);
    const idle = received.type === 'Z' && received.bytes[5] === 0x49;
    if (!idle || !this.answers.empty) return;
    const client = this.#client;
    this.#client = undefined;
    client?.released();
  }

  #noteParameter(status: Message): void {
    const reader = new BodyReader(status);
    const name = reader.text();
    const value = reader.text();
    this.parameters.set(name, value);
    this.#client?.parameter(name, value);
  }
}
