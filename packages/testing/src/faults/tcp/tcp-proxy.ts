import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { SeededRandom } from '../random.js';
import type { Message } from '../wire/message.js';
import { Link, type RuleBook } from './link.js';
import type { RequestFlight } from './request-flight.js';
import { RuleHandle } from './rule-handle.js';
import type { BlackHole, Fault, LinkInfo, Rule } from './rule.js';

export interface TcpProxyOptions {
  readonly target: { readonly host: string; readonly port: number };
  /** For all that is drawn: pieces, delays, chances. Default 1. */
  readonly seed?: number;
}

/**
 * A proxy on loopback before PostgreSQL that reads the messages passing by, so that faults are said in terms of statements and answers:
 *
 * ```ts
 * const lost = proxy.add({ on: 'request', is: commits, fault: { kind: 'lose answer' } });
 * // ... work through proxy.connectionString(url) ...
 * (await lost.hit).answer; // ['INSERT 0 1', 'COMMIT']: the server has done it, nobody was told
 * ```
 */
export class TcpProxy {
  readonly host = '127.0.0.1';
  readonly port: number;
  readonly random: SeededRandom;
  /** Where new connections go; may be changed, as in a failover. */
  target: { readonly host: string; readonly port: number };
  readonly #links = new Set<Link>();
  readonly #handles: RuleHandle[] = [];
  readonly #hits = new Map<Fault['kind'], number>();
  readonly #book: RuleBook;
  #server: Server;
  #partition: BlackHole['way'] | undefined;
  #opened = 0;
  #behind = 0;

  private constructor(options: TcpProxyOptions, server: Server) {
    this.target = options.target;
    this.random = new SeededRandom(options.seed ?? 1);
    this.#server = server;
    this.port = (server.address() as AddressInfo).port;
    server.on('connection', (socket) => this.#accept(socket));
    this.#book = {
      opened: (link) => this.#matching(link, (rule) => rule.on === 'open'),
      requested: (flight: RequestFlight, link) => this.#matching(link, (rule) => rule.on === 'request' && rule.is(flight, link)),
      answered: (message: Message, link) => this.#matching(link, (rule) => rule.on === 'answer' && rule.is(message, link)),
      followed: () => void this.#behind++,
    };
  }

  static async start(options: TcpProxyOptions): Promise<TcpProxy> {
    return new TcpProxy(options, await listen(0));
  }

  /** The same URL with this proxy as its host. */
  connectionString(of: string): string {
    const url = new URL(of);
    url.hostname = this.host;
    url.port = String(this.port);
    return url.href;
  }

  /** Connections that are open on either side. */
  get links(): readonly LinkInfo[] {
    return [...this.#links];
  }

  /** Faults that really happened, a count for each kind. */
  get hits(): ReadonlyMap<Fault['kind'], number> {
    return this.#hits;
  }

  /** Flights that came before the one ahead of them on their connection was answered. */
  get behind(): number {
    return this.#behind;
  }

  add(rule: Rule): RuleHandle {
    const handle = new RuleHandle(rule, ({ fault }) => this.#hits.set(fault.kind, (this.#hits.get(fault.kind) ?? 0) + 1));
    this.#handles.push(handle);
    return handle;
  }

  /** New connections are refused (ECONNREFUSED) until `heal`. */
  refuse(): void {
    this.#server.close();
  }

  /** Nothing passes any more, on present and new connections, which all stay open, until `heal`. */
  partition(way: BlackHole['way'] = 'both'): void {
    this.#partition = way;
    for (const link of this.#links) link.blackHole(way);
  }

  /** Cuts all present connections. */
  cut(): void {
    for (const link of this.#links) link.cut();
  }

  /** Ends every fault: rules are removed, what is held is sent, connections that lost bytes are ended, new ones are accepted. */
  async heal(): Promise<void> {
    for (const handle of this.#handles) handle.remove();
    this.#handles.length = 0;
    this.#partition = undefined;
    for (const link of this.#links) link.heal();
    if (this.#server.listening) return;
    this.#server = await listen(this.port);
    this.#server.on('connection', (socket) => this.#accept(socket));
  }

  async stop(): Promise<void> {
    const closed = new Promise<void>((resolve) => (this.#server.listening ? this.#server.close(() => resolve()) : resolve()));
    for (const handle of this.#handles) handle.remove();
    for (const link of this.#links) link.reset();
    await closed;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  #accept(socket: Socket): void {
    const link: Link = new Link(++this.#opened, socket, this.target, this.#book, this.random, () => this.#links.delete(link));
    this.#links.add(link);
    if (this.#partition !== undefined) link.blackHole(this.#partition);
  }

  #matching(link: LinkInfo, is: (rule: Rule) => boolean): RuleHandle[] {
    return this.#handles.filter((handle) => is(handle.rule) && handle.take(link, this.random));
  }
}

async function listen(port: number): Promise<Server> {
  const server = createServer({ allowHalfOpen: true, noDelay: true, keepAlive: true });
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(port, '127.0.0.1', resolve));
  return server;
}
