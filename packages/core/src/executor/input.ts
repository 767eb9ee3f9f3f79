import type { RegisteredFunction } from '@apiary/decorators/internal';
import type { Codec } from '../codec/codec.js';
import { inputHash } from '../ids.js';
import { instantiate, validateArguments } from '../validation.js';

const noArguments = inputHash('[]');

/** The arguments of one call: checked, encoded once, and handed to each attempt as a copy of its own. */
export class Input {
  readonly text: string | null;
  readonly hash: string;
  readonly #codec: Codec;
  readonly #fn: RegisteredFunction;
  #first: readonly unknown[] | undefined;

  private constructor(codec: Codec, fn: RegisteredFunction, text: string | null, hash: string, first: readonly unknown[] | undefined) {
    this.#codec = codec;
    this.#fn = fn;
    this.text = text;
    this.hash = hash;
    this.#first = first;
  }

  /** @throws VALIDATION, NOT_RECORDABLE, PAYLOAD_TOO_LARGE, before anything is stored */
  static of(codec: Codec, fn: RegisteredFunction, args: readonly unknown[]): Input {
    if (args.length === 0 && fn.parameters.length === 0) return new Input(codec, fn, '[]', noArguments, args);
    const { text, value } = codec.copy(validateArguments(fn, args), 'arguments');
    return new Input(codec, fn, text, inputHash(text), value);
  }

  static stored(codec: Codec, fn: RegisteredFunction, text: string | null): Input {
    return new Input(codec, fn, text, inputHash(text), undefined);
  }

  static none(codec: Codec): Input {
    return new Input(codec, { parameters: [] as const } as unknown as RegisteredFunction, '[]', noArguments, []);
  }

  /** Arguments that nobody else holds. */
  take(): readonly unknown[] {
    const plain = this.#first ?? (this.#codec.decode(this.text) as readonly unknown[]);
    this.#first = undefined;
    return this.#fn.parameters.length === 0 ? plain : instantiate(this.#fn, plain);
  }
}
