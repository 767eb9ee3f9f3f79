/**
 * The customer's side. It knows nothing but its own requests: each goes to some worker under an id of its own, a bounded number at a time.
 * What a lost worker had not acknowledged is asked again, which the id makes safe; what it had acknowledged is only waited for.
 */
import type { BookingRequest } from '../booking.js';
import type { FromWorker, Outcome, ToWorker } from '../messages.js';

/** One worker as the client sees it. */
export interface Line {
  send(message: ToWorker): void;
}

export class Client {
  readonly outcomes = new Map<number, Outcome>();
  /** Resolves when each request has an outcome. */
  readonly finished: Promise<void>;
  /** Requests sent once more, because a worker died before it acknowledged them. */
  askedAgain = 0;
  /** When the first worker was ready, by `performance.now()`. */
  began = Infinity;
  readonly #requests: readonly BookingRequest[];
  readonly #window: number;
  readonly #onSettled: () => void;
  readonly #accepted = new Set<number>();
  readonly #toBook: number[];
  /** For each line what was sent and is not settled. */
  readonly #underWay = new Map<Line, { readonly books: Set<number>; readonly watches: Set<number> }>();
  #orphans: number[] = [];
  #finish!: () => void;

  constructor(requests: readonly BookingRequest[], window: number, onSettled: () => void) {
    this.#requests = requests;
    this.#window = window;
    this.#onSettled = onSettled;
    this.#toBook = requests.map((_, n) => n).reverse(); // taken from the end
    this.finished = new Promise((resolve) => (this.#finish = resolve));
    if (requests.length === 0) this.#finish();
  }

  /** A worker is ready. */
  join(line: Line): void {
    this.began = Math.min(this.began, performance.now());
    this.#underWay.set(line, { books: new Set(), watches: new Set() });
    this.#pump();
  }

  /** A worker is gone. */
  leave(line: Line): void {
    const lost = this.#underWay.get(line);
    if (lost === undefined) return;
    this.#underWay.delete(line);
    for (const n of [...lost.books, ...lost.watches]) {
      if (this.#accepted.has(n)) {
        this.#orphans.push(n);
      } else {
        this.#toBook.push(n);
        this.askedAgain++;
      }
    }
    this.#pump();
  }

  /** Bookings that a worker has taken and not finished. */
  workOf(line: Line): number {
    return this.#underWay.get(line)?.books.size ?? 0;
  }

  hear(line: Line, message: FromWorker): void {
    if (message.type === 'accepted') this.#accepted.add(message.n);
    if (message.type !== 'settled') return;
    const work = this.#underWay.get(line);
    work?.books.delete(message.n);
    work?.watches.delete(message.n);
    this.outcomes.set(message.n, message.outcome);
    this.#onSettled();
    if (this.outcomes.size === this.#requests.length) this.#finish();
    this.#pump();
  }

  #pump(): void {
    for (const [line, { books, watches }] of this.#underWay) {
      for (const n of this.#orphans.splice(0)) {
        watches.add(n);
        line.send({ type: 'watch', n });
      }
      while (books.size < this.#window) {
        const n = this.#toBook.pop();
        if (n === undefined) break;
        books.add(n);
        line.send({ type: 'book', n, request: this.#requests[n] as BookingRequest });
      }
    }
  }
}
