/** The text of one tagged template, compiled once for each place in the source. */
import type { FlightStatement } from '../store/connection/flight.js';
import { nameFor, nameIfRepeated } from '../store/connection/statement-names.js';
import { checkValue, Piece, Writer } from './fragment.js';

interface Plain {
  readonly text: string;
  readonly name: string | undefined;
}
const plains = new WeakMap<TemplateStringsArray, Plain>();

export class Template {
  readonly #strings: TemplateStringsArray;
  readonly #values: readonly unknown[];
  /** Pieces among the values make the text depend on them. */
  readonly #composed: boolean;

  /** @throws CONFIG for values that cannot be sent */
  constructor(strings: TemplateStringsArray, values: readonly unknown[]) {
    let composed = false;
    for (let i = 0; i < values.length; i++) {
      const value = values[i];
      if (typeof value === 'string' || typeof value === 'number') continue;
      checkValue(value);
      if (value instanceof Piece) composed = true;
    }
    this.#strings = strings;
    this.#values = values;
    this.#composed = composed;
  }

  get text(): string {
    return this.statement().text;
  }

  statement(): FlightStatement {
    if (!this.#composed) {
      const plain = plains.get(this.#strings) ?? compile(this.#strings);
      return { text: plain.text, values: this.#values, name: plain.name };
    }
    const writer = new Writer();
    this.write(writer);
    return { text: writer.text, values: writer.values, name: nameIfRepeated(writer.text) };
  }

  write(writer: Writer): void {
    const strings = this.#strings;
    writer.text += strings[0];
    for (let i = 0; i < this.#values.length; i++) {
      writer.value(this.#values[i]);
      writer.text += strings[i + 1];
    }
  }
}

function compile(strings: TemplateStringsArray): Plain {
  let text = strings[0] as string;
  for (let i = 1; i < strings.length; i++) text += `$${i}${strings[i]}`;
  const plain = { text, name: nameFor(text) };
  plains.set(strings, plain);
  return plain;
}
