import { Socket } from 'node:net';

/** What went out on the sockets to the database. */
export interface WireCounts {
  /** Writes to a socket: each is a system call and, as the engine waits for an answer to it, a round trip. */
  readonly writes: number;
  /** Execute and Query messages: statements that the server ran. */
  readonly statements: number;
  /** Parse messages: statements that the server had to plan anew. */
  readonly parses: number;
}

const SSL_REQUEST = 80877103;
const PARSE = 0x50;
const QUERY = 0x51;
const EXECUTE = 0x45;

/**
 * Counts at the socket, below every driver, so that all engines are measured by the same ruler. Off outside counted slices: a timed slice pays one test a write.
 * It looks at the two hooks that Node's streams call once a system call.
 */
export class WireTap {
  #on = false;
  #port: number;
  #counts = { writes: 0, statements: 0, parses: 0 };
  readonly #greeted = new WeakSet<Socket>();

  constructor(port: number) {
    this.#port = port;
    const observe = (socket: Socket, chunks: readonly Buffer[]): void => this.#observe(socket, chunks);
    const { _write, _writev } = Socket.prototype;
    Socket.prototype._write = function (chunk, encoding, callback) {
      observe(this, [typeof chunk === 'string' ? Buffer.from(chunk, encoding) : chunk]);
      _write.call(this, chunk, encoding, callback);
    };
    Socket.prototype._writev = function (chunks, callback) {
      observe(
        this,
        chunks.map(({ chunk, encoding }) => (typeof chunk === 'string' ? Buffer.from(chunk, encoding) : chunk)),
      );
      _writev?.call(this, chunks, callback);
    };
  }

  start(): void {
    this.#counts = { writes: 0, statements: 0, parses: 0 };
    this.#on = true;
  }

  stop(): WireCounts {
    this.#on = false;
    return { ...this.#counts };
  }

  #observe(socket: Socket, chunks: readonly Buffer[]): void {
    if (socket.remotePort !== this.#port) return;
    if (!this.#greeted.has(socket)) {
      // The first packet has no type byte. A request for TLS is followed by another one.
      if (chunks[0]?.readInt32BE(4) !== SSL_REQUEST) this.#greeted.add(socket);
      return;
    }
    if (!this.#on) return;
    this.#counts.writes++;
    for (const type of messageTypes(Buffer.concat(chunks))) {
      if (type === EXECUTE || type === QUERY) this.#counts.statements++;
      else if (type === PARSE) this.#counts.parses++;
    }
  }
}

/** Drivers write whole messages, so a write begins with one. */
function* messageTypes(bytes: Buffer): Generator<number> {
  for (let at = 0; at + 5 <= bytes.length; at += 1 + bytes.readInt32BE(at + 1)) yield bytes[at] ?? 0;
}
