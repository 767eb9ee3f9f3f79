import type { Socket } from 'node:net';
import type { SeededRandom } from '../random.js';

type Item = () => void | Promise<void>;

/** One direction of a link: what is sent leaves in order, late, in pieces or never, as the faults of the link will have it. */
export class Outlet {
  readonly #socket: Socket;
  readonly #random: SeededRandom;
  readonly #queue: Item[] = [];
  readonly #gates = new Set<() => void>();
  #pumping = false;
  #chop = 0;
  #delay: readonly [number, number] | undefined;
  #swallowing = false;
  #onSwallow: (() => void) | undefined;
  #resetAfter: { left: number; reset: () => void } | undefined;

  constructor(socket: Socket, random: SeededRandom) {
    this.#socket = socket;
    this.#random = random;
  }

  /** Bytes vanish from now on. */
  get swallowing(): boolean {
    return this.#swallowing;
  }

  send(bytes: Buffer): void {
    if (this.#delay !== undefined) this.delayOnce(this.#random.int(...this.#delay));
    this.call(() => this.#write(bytes));
  }

  /** Runs when all sent before has left. */
  call(item: Item): void {
    this.#queue.push(item);
    if (!this.#pumping) this.#pump();
  }

  delayOnce(ms: number): void {
    this.call(() => new Promise((resolve) => setTimeout(resolve, ms)));
  }

  /** Each sending from now on waits that long, drawn between the two bounds. */
  delayAll(range: readonly [number, number] | undefined): void {
    this.#delay = range;
  }

  /** Pieces of 1 to `largest` bytes, each a write of its own; 0: whole again. */
  chop(largest: number): void {
    this.#chop = largest;
  }

  /** What is sent after this waits for the returned function. */
  gate(): () => void {
    let open: () => void = () => undefined;
    const opened = new Promise<void>((resolve) => (open = resolve));
    const release = (): void => {
      this.#gates.delete(release);
      open();
    };
    this.#gates.add(release);
    this.call(() => opened);
    return release;
  }

  openGates(): void {
    for (const release of this.#gates) release();
  }

  /** @param onFirst called when the first bytes have vanished */
  swallow(onFirst?: () => void): void {
    this.#swallowing = true;
    this.#onSwallow = onFirst;
  }

  /** Calls `reset` when that many bytes more have left. */
  resetAfter(bytes: number, reset: () => void): void {
    this.#resetAfter = { left: bytes, reset };
  }

  #pump(): void {
    this.#pumping = true;
    for (let item = this.#queue.shift(); item !== undefined; item = this.#queue.shift()) {
      const wait = item();
      if (wait !== undefined) {
        void wait.then(() => this.#pump());
        return;
      }
    }
    this.#pumping = false;
  }

  #write(bytes: Buffer): void | Promise<void> {
    if (this.#swallowing) {
      this.#onSwallow?.();
      this.#onSwallow = undefined;
      return;
    }
    if (!this.#socket.writable) return;
    const limit = this.#resetAfter;
    if (limit !== undefined) {
      const part = bytes.subarray(0, limit.left);
      limit.left -= part.length;
      if (part.length > 0) this.#socket.write(part);
      // a limit that is just reached strikes at the next byte
      if (part.length < bytes.length) limit.reset();
      return;
    }
    if (this.#chop > 0) return this.#inPieces(bytes);
    this.#socket.write(bytes);
  }

  async #inPieces(bytes: Buffer): Promise<void> {
    for (let at = 0; at < bytes.length;) {
      const size = this.#random.int(1, this.#chop || bytes.length);
      this.#socket.write(bytes.subarray(at, at + size));
      at += size;
      // the next turn of the event loop: two writes of one turn could leave as one segment
      await new Promise((resolve) => setImmediate(resolve));
    }
  }
}
