import { expect } from 'chai';
import { apiaryErrorOf, newCodec } from './support.js';

describe('sizes of recorded values', () => {
  it('counts bytes, not characters', () => {
    const { codec } = newCodec({ payload: 1000, payloadWarning: 1000 });
    expect(codec.encode('x'.repeat(998), 'result')).to.have.lengthOf(1000);
    const error = apiaryErrorOf('PAYLOAD_TOO_LARGE', () => codec.encode('é'.repeat(500), 'result'));
    expect(error.details).deep.equal({ bytes: 1002, limit: 1000 });
    apiaryErrorOf('PAYLOAD_TOO_LARGE', () => codec.copy({ at: new Date(0), text: '漢'.repeat(400) }, 'result'));
  });

  it('takes a value of exactly the limit and refuses one byte more', () => {
    const { codec } = newCodec({ payload: 1000 });
    expect(codec.encode('漢'.repeat(332) + 'ab', 'result')).not.equal(null);
    apiaryErrorOf('PAYLOAD_TOO_LARGE', () => codec.encode('漢'.repeat(332) + 'abc', 'result'));
  });

  it('warns of what is large but allowed, with path and bytes', () => {
    const { codec, warnings } = newCodec({ payload: 10_000, payloadWarning: 100 });
    codec.encode('x'.repeat(98), 'result');
    expect(warnings).deep.equal([]);
    codec.encode('x'.repeat(99), 'arguments');
    expect(warnings.map((w) => w.fields)).deep.equal([{ path: 'arguments', bytes: 101 }]);
  });
});
