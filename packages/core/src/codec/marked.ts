/** What devalue knows nothing of, as it travels through it: a tag and a payload of plain data. */
export class Marked {
  readonly tag: 'Buffer' | 'Class' | 'Error';
  readonly payload: object;

  constructor(tag: Marked['tag'], payload: object) {
    this.tag = tag;
    this.payload = payload;
  }
}

const reduce =
  (tag: Marked['tag']) =>
  (value: unknown): object | undefined =>
    value instanceof Marked && value.tag === tag ? value.payload : undefined;

/** For devalue's `stringify`. */
export const reducers = { Buffer: reduce('Buffer'), Class: reduce('Class'), Error: reduce('Error') };
