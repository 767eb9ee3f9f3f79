import { EventEmitter, once } from 'node:events';
import type { Server, Socket } from 'node:net';
import { Wire } from '../control/wire.js';
import type { ClientMessage, SupervisorMessage } from '../control/wire.js';
import { EmbeddedError, storeError } from '../error.js';
import type { Wants } from '../options.js';
import type { Project } from './project.js';
import { ProjectServer } from './server.js';
import { conflict } from './state.js';

type ClientWire = Wire<ClientMessage, SupervisorMessage>;

interface Client {
  wire: ClientWire;
  /** Set when it has asked to join. */
  wants?: Wants;
  /** It has the server's address. */
  served: boolean;
}

const MOST_CRASHES = 5;
const CRASH_WINDOW_MS = 10_000;

/** Keeps one server running for as long as there are clients: processes whose socket is open. */
export class Supervisor {
  readonly #project: () => Promise<Project>;
  readonly #clients = new Set<Client>();
  readonly #leavers = new Set<ClientWire>();
  readonly #changes = new EventEmitter();
  #server: ProjectServer | undefined;
  #terminated = false;
  #crashes: number[] = [];

  constructor(project: () => Promise<Project>) {
    this.#project = project;
  }

  /** Takes a connection. */
  admit(socket: Socket): void {
    const client: Client = { wire: new Wire(socket), served: false };
    this.#clients.add(client);
    void this.#listen(client);
  }

  /** Ends as soon as possible, whoever is connected. */
  terminate(): void {
    this.#terminated = true;
    this.#changes.emit('change');
  }

  /** Serves until nobody is left. */
  async run(listener: Server, seat: number): Promise<void> {
    while (!this.#terminated && (await this.#somebodyWaits())) await this.#serve(seat);
    listener.close();
    this.#releaseLeavers();
    for (const { wire } of this.#clients) {
      wire.send({ type: 'stopped' });
      wire.end();
    }
  }

  /** One life of the server. */
  async #serve(seat: number): Promise<void> {
    const wants = [...this.#clients].find((client) => client.wants)?.wants;
    if (!wants) return;
    try {
      const server = await ProjectServer.open(await this.#project(), wants, seat);
      this.#server = server;
      for (const client of this.#clients) this.#answer(client);
      const crashed = await this.#whileUsed(server);
      this.#server = undefined;
      if (crashed) this.#countCrash();
      else await server.stop();
    } catch (error) {
      this.#server = undefined;
      console.error(error);
      for (const client of this.#clients) if (client.wants) this.#refuse(client, error);
    } finally {
      this.#releaseLeavers();
    }
  }

  /** Waits until the server is gone (true) or not needed any more (false). */
  async #whileUsed(server: ProjectServer): Promise<boolean> {
    let crashed = false;
    void server.exited.then(() => {
      crashed = true;
      this.#changes.emit('change');
    });
    while (!crashed && !this.#terminated && this.#clients.size > 0) {
      this.#releaseLeavers(); // another client came in time: they were not the last
      await once(this.#changes, 'change');
    }
    return crashed;
  }

  #releaseLeavers(): void {
    for (const wire of this.#leavers) wire.end();
  }

  /** A server that dies is started again on its port, unless it cannot live. */
  #countCrash(): void {
    const now = performance.now();
    this.#crashes = [...this.#crashes.filter((at) => now - at < CRASH_WINDOW_MS), now];
    console.error('supervisor: PostgreSQL ended unexpectedly');
    if (this.#crashes.length > MOST_CRASHES) throw new EmbeddedError('EMBEDDED_START', 'the embedded PostgreSQL ended again and again: see its log');
  }

  /** Waits until a client has asked to join; false when there is none. */
  async #somebodyWaits(): Promise<boolean> {
    while (this.#clients.size > 0 && !this.#terminated) {
      if ([...this.#clients].some((client) => client.wants)) return true;
      await once(this.#changes, 'change');
    }
    return false;
  }

  async #listen(client: Client): Promise<void> {
    for (let message = await client.wire.next(); message; message = await client.wire.next()) {
      if (message.type === 'leave') {
        this.#clients.delete(client);
        // The last one hears that the server is stopped; the others may go.
        if (this.#clients.size > 0) client.wire.end();
        else this.#leavers.add(client.wire);
      } else {
        client.wants = message.wants;
        this.#answer(client);
      }
      this.#changes.emit('change');
    }
    this.#clients.delete(client);
    this.#leavers.delete(client.wire);
    this.#changes.emit('change');
  }

  #answer(client: Client): void {
    if (!this.#server || !client.wants || client.served) return;
    const problem = conflict(this.#server.wants, client.wants);
    if (problem !== undefined) {
      const remedy = 'use the same options in all processes of a project, or another `dataDirectory`';
      this.#refuse(client, new EmbeddedError('EMBEDDED_START', `the embedded PostgreSQL of this data folder already runs, ${problem}: ${remedy}`));
      return;
    }
    client.served = true;
    client.wire.send({ type: 'ready', address: this.#server.address });
  }

  #refuse(client: Client, error: unknown): void {
    this.#clients.delete(client);
    client.wire.send({ type: 'failed', error: storeError(error) });
    client.wire.end();
    this.#changes.emit('change');
  }
}
