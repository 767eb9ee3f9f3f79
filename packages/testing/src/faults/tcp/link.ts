import { connect, type Socket } from 'node:net';
import type { SeededRandom } from '../random.js';
import { BodyReader, Framer, startupParameters, type Message } from '../wire/message.js';
import { Exchange } from './exchange.js';
import { Outlet } from './outlet.js';
import { FlightAssembler, type RequestFlight } from './request-flight.js';
import type { BlackHole, Fault, Hit, LinkFault, LinkInfo, Way } from './rule.js';
import type { RuleHandle } from './rule-handle.js';

/** The proxy's rules that apply to a subject now, in the order in which they were added. */
export interface RuleBook {
  opened(link: LinkInfo): readonly RuleHandle[];
  requested(flight: RequestFlight, link: LinkInfo): readonly RuleHandle[];
  answered(message: Message, link: LinkInfo): readonly RuleHandle[];
  /** A flight came before the one ahead of it was answered. */
  followed(): void;
}

/** One client's connection and the server's connection behind it. */
export class Link implements LinkInfo {
  readonly number: number;
  readonly parameters = new Map<string, string>();
  pid: number | undefined;
  readonly #client: Socket;
  readonly #server: Socket;
  readonly #toServer: Outlet;
  readonly #toClient: Outlet;
  readonly #rules: RuleBook;
  readonly #random: SeededRandom;
  readonly #exchanges: Exchange[] = [];
  #ended = false;

  constructor(number: number, client: Socket, target: { host: string; port: number }, rules: RuleBook, random: SeededRandom, onClosed: () => void) {
    this.number = number;
    this.#client = client;
    this.#server = connect({ ...target, allowHalfOpen: true, noDelay: true, keepAlive: true });
    this.#toServer = new Outlet(this.#server, random);
    this.#toClient = new Outlet(client, random);
    this.#rules = rules;
    this.#random = random;
    this.#listen(onClosed);
    for (const handle of rules.opened(this)) this.#applyToLink(handle, handle.rule.fault as LinkFault, []);
  }

  /** Bytes of it were lost: such a connection cannot be healed, only ended. */
  get broken(): boolean {
    return this.#toServer.swallowing || this.#toClient.swallowing;
  }

  blackHole(way: BlackHole['way'] = 'both', onFirst?: (way: Way) => void): void {
    if (way !== 'to client') this.#toServer.swallow(onFirst && (() => onFirst('to server')));
    if (way !== 'to server') this.#toClient.swallow(onFirst && (() => onFirst('to client')));
  }

  /** Ends faults that last: what is held is sent, nothing is late or chopped any more. */
  heal(): void {
    for (const outlet of [this.#toServer, this.#toClient]) {
      outlet.delayAll(undefined);
      outlet.chop(0);
      outlet.openGates();
    }
    if (this.broken) this.cut();
  }

  /** Ends both sides. The server keeps what it was sent, up to the end of the stream. */
  cut(): void {
    this.#ended = true;
    this.#client.destroy();
    // Destroying a socket with unread bytes sends RST, and the server's kernel then throws away what it has not read yet: drain instead.
    this.#server.removeAllListeners('data').resume().end();
  }

  reset(): void {
    this.#ended = true;
    this.#client.resetAndDestroy();
    this.#server.resetAndDestroy();
  }

  #listen(onClosed: () => void): void {
    const fromClient = new Framer('client');
    const fromServer = new Framer('server');
    const flights = new FlightAssembler();
    this.#client.on('data', (chunk) => {
      for (const message of fromClient.push(chunk)) {
        const flight = flights.push(message);
        if (flight !== undefined && !this.#ended) this.#request(flight);
      }
      throttle(this.#client, this.#server);
    });
    this.#server.on('data', (chunk) => {
      const whole: Buffer[] = [];
      for (const message of fromServer.push(chunk)) if (!this.#ended) this.#answer(message, whole);
      this.#flush(whole);
      throttle(this.#server, this.#client);
    });
    this.#ending(this.#client, this.#server, this.#toServer);
    this.#ending(this.#server, this.#client, this.#toClient);
    let open = 2;
    const closed = (): void => void (--open === 0 && onClosed());
    this.#client.once('close', closed);
    this.#server.once('close', closed);
  }

  /** Passes the end of one side on to the other, unless the way there is a black hole: then the other side shall not learn of it. */
  #ending(from: Socket, to: Socket, outlet: Outlet): void {
    from.on('end', () => outlet.call(() => void (outlet.swallowing || to.end())));
    from.on('error', () => undefined);
    from.once('close', () => outlet.call(() => void (outlet.swallowing || (to.writableEnded ? undefined : to.end()))));
  }

  #request(flight: RequestFlight): void {
    const [first] = flight.messages;
    if (first?.type === 'ssl' || first?.type === 'gss') {
      // The proxy has to read what passes: encryption is declined on the server's behalf.
      this.#toClient.send(Buffer.from('N'));
      return;
    }
    if (first?.type === 'startup') for (const [name, value] of startupParameters(first)) this.parameters.set(name, value);
    const exchange = flight.answered ? new Exchange(flight.statements) : undefined;
    for (const handle of this.#rules.requested(flight, this)) {
      if (this.#applyToRequest(handle, flight, exchange)) return;
    }
    if (exchange !== undefined && this.#exchanges.length > 0) this.#rules.followed();
    if (exchange !== undefined) this.#exchanges.push(exchange);
    this.#toServer.send(bytesOf(flight.messages));
  }

  /** True if the flight goes no further. */
  #applyToRequest(handle: RuleHandle, flight: RequestFlight, exchange: Exchange | undefined): boolean {
    const fault = handle.rule.fault;
    switch (fault.kind) {
      case 'cut':
        this.#cutRequest(handle, flight, fault.at);
        return true;
      case 'lose answer':
        if (exchange !== undefined) exchange.lose = handle;
        return false;
      case 'hold answer':
        if (exchange !== undefined) exchange.hold = handle;
        return false;
      case 'hold request':
        handle.hold(this.#toServer.gate());
        handle.happened(this.#hit(flight.statements));
        return false;
      case 'delay':
        this.#toServer.delayOnce(this.#random.int(...fault.ms));
        handle.happened(this.#hit(flight.statements));
        return false;
      case 'drop':
        return false;
      default:
        this.#applyToLink(handle, fault, flight.statements);
        return false;
    }
  }

  #cutRequest(handle: RuleHandle, flight: RequestFlight, at: 'before' | 'within' | 'after'): void {
    const { rule } = handle;
    // For a rule on statements the cut within a flight is right before the message that executes the first one that matches.
    const matching = flight.statements.findIndex(
      (text, i) => rule.on === 'request' && rule.is({ ...flight, statements: [text], positions: flight.positions.slice(i, i + 1) }, this),
    );
    const sent = at === 'before' ? 0 : at === 'after' ? flight.messages.length : (flight.positions[Math.max(matching, 0)] ?? 0);
    this.#toServer.send(bytesOf(flight.messages.slice(0, sent)));
    this.#toServer.call(() => {
      this.cut();
      handle.happened(this.#hit(flight.statements));
    });
  }

  /** Faults that change the link from here on. */
  #applyToLink(handle: RuleHandle, fault: LinkFault, statements: readonly string[]): void {
    const hit = (): void => handle.happened(this.#hit(statements));
    switch (fault.kind) {
      case 'cut':
        this.cut();
        hit();
        return;
      case 'reset':
        (fault.way === 'to client' ? this.#toClient : this.#toServer).resetAfter(this.#random.int(...fault.bytes), () => {
          this.reset();
          hit();
        });
        return;
      case 'black hole': {
        // two ways, one hit: at the first bytes that vanish
        let first = true;
        this.blackHole(fault.way, () => {
          if (first) hit();
          first = false;
        });
        return;
      }
      case 'delay':
        this.#toServer.delayAll(fault.ms);
        this.#toClient.delayAll(fault.ms);
        hit();
        return;
      case 'chop':
        this.#toServer.chop(fault.largest ?? 7);
        this.#toClient.chop(fault.largest ?? 7);
        hit();
    }
  }

  /** @param whole messages of this chunk that leave as they came, in one write */
  #answer(message: Message, whole: Buffer[]): void {
    if (message.type === 'K') this.pid = new BodyReader(message).int32();
    const [exchange] = this.#exchanges;
    exchange?.note(message);
    if (exchange !== undefined && message.type === 'Z') this.#exchanges.shift();
    if (exchange?.lose !== undefined) {
      if (message.type === 'Z') this.#answerLost(exchange, exchange.lose);
      return;
    }
    for (const handle of this.#rules.answered(message, this)) {
      this.#flush(whole);
      if (this.#applyToAnswer(handle, handle.rule.fault, message)) return;
    }
    if (exchange?.hold !== undefined) this.#holdAnswer(exchange, exchange.hold, message, whole);
    whole.push(message.bytes);
  }

  #answerLost(exchange: Exchange, handle: RuleHandle): void {
    const fault = handle.rule.fault;
    if (fault.kind === 'lose answer' && fault.then === 'black hole') this.blackHole();
    else this.cut();
    handle.happened(this.#hit(exchange.statements, exchange.answer));
  }

  #holdAnswer(exchange: Exchange, handle: RuleHandle, message: Message, whole: Buffer[]): void {
    if (!exchange.held) {
      exchange.held = true;
      this.#flush(whole);
      handle.hold(this.#toClient.gate());
    }
    if (message.type === 'Z') handle.happened(this.#hit(exchange.statements, exchange.answer));
  }

  /** True if the message goes no further. */
  #applyToAnswer(handle: RuleHandle, fault: Fault, message: Message): boolean {
    switch (fault.kind) {
      case 'drop':
        handle.happened(this.#hit([]));
        return true;
      case 'cut':
        if (fault.at === 'after') this.#toClient.send(message.bytes);
        this.#toClient.call(() => {
          this.#client.end();
          this.cut();
          handle.happened(this.#hit([]));
        });
        return true;
      case 'delay':
        this.#toClient.delayOnce(this.#random.int(...fault.ms));
        handle.happened(this.#hit([]));
        return false;
      case 'reset':
      case 'black hole':
      case 'chop':
        this.#applyToLink(handle, fault, []);
        return false;
      default:
        return false;
    }
  }

  #flush(whole: Buffer[]): void {
    const [first] = whole;
    if (first !== undefined) this.#toClient.send(whole.length === 1 ? first : Buffer.concat(whole));
    whole.length = 0;
  }

  #hit(statements: readonly string[], answer: readonly string[] = []): Hit {
    return { link: this.number, pid: this.pid, statements, answer };
  }
}

function bytesOf(messages: readonly Message[]): Buffer {
  return Buffer.concat(messages.map((message) => message.bytes));
}

/** Reads no more from one side while the other cannot take it. */
function throttle(from: Socket, to: Socket): void {
  if (!to.writableNeedDrain || from.isPaused()) return;
  const resume = (): void => {
    to.off('drain', resume).off('close', resume);
    from.resume();
  };
  from.pause();
  to.once('drain', resume).once('close', resume);
}
