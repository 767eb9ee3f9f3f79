import { Serializable } from '@apiary/decorators/internal';
import { expect } from 'chai';
import { apiaryErrorOf, expectSame, newCodec, thrownBy } from './support.js';

let constructed = 0;

@Serializable('test:Money')
class Money {
  cents: number;
  owner: unknown;
  constructor(cents: number) {
    constructed++;
    this.cents = cents;
  }
  get euros(): number {
    return this.cents / 100;
  }
  set doubled(_: number) {
    throw new Error('a setter ran');
  }
}
class Refund extends Money {}

@Serializable('test:Token', { encode: (token: Token) => token.hidden(), decode: (data: string) => new Token(data) })
class Token {
  readonly #secret: string;
  constructor(secret: string) {
    this.#secret = secret;
  }
  hidden(): string {
    return this.#secret;
  }
}

@Serializable('test:Node', { encode: (node: Node) => ({ next: node.next }), decode: (data: { next: Node | undefined }) => new Node(data.next) })
class Node {
  next: Node | undefined;
  constructor(next?: Node) {
    this.next = next;
  }
}

@Serializable('test:Failing', {
  encode: () => {
    throw new Error('cannot');
  },
  decode: () => new Failing(),
})
class Failing {}

@Serializable('test:OutOfStock')
class OutOfStock extends Error {
  override readonly name = 'OutOfStock';
  readonly sku: string;
  constructor(sku: string) {
    super(`no ${sku}`);
    this.sku = sku;
  }
}

@Serializable('test:Coded', { encode: (error: Coded) => error.reason, decode: (reason: string) => new Coded(reason) })
class Coded extends Error {
  readonly reason: string;
  constructor(reason: string) {
    super(`because ${reason}`);
    this.reason = reason;
  }
}

@Serializable('test:Tags', { encode: (tags: Tags) => [...tags], decode: (data: string[]) => Tags.from(data) as Tags })
class Tags extends Array<string> {}

class Plain {
  id = 1;
  note: string | undefined;
  readonly nested = { at: new Date(0) };
  total(): number {
    return 5;
  }
}

describe('@Serializable classes', () => {
  it('come back with their prototype and own fields, without a call of the constructor', () => {
    const { codec, warnings } = newCodec();
    const money = new Money(250);
    constructed = 0;
    const back = codec.copy([money], 'result').value[0] as Money;
    expect(back).instanceOf(Money);
    expect(back).not.equal(money);
    expect(back.euros).equal(2.5);
    expect(constructed).equal(0);
    expect(warnings).deep.equal([]);
  });

  it('keep undefined fields, rich fields, and being one object', () => {
    const { codec } = newCodec();
    const money = new Money(1);
    money.owner = new Map([['since', new Date(5)]]);
    const [a, b] = codec.copy([money, money], 'result').value as [Money, Money];
    expect(a).equal(b);
    expectSame(a, money);
    const empty = new Money(2);
    empty.owner = undefined;
    expectSame(codec.copy(empty, 'result').value, empty);
  });

  it('may contain themselves', () => {
    const { codec } = newCodec();
    const money = new Money(1);
    money.owner = { wallet: [money] };
    const back = codec.copy(money, 'result').value;
    expect((back.owner as { wallet: unknown[] }).wallet[0]).equal(back);
    expect(back).instanceOf(Money);
  });

  it('set no field through a setter of the class', () => {
    const { codec } = newCodec();
    const money = Object.defineProperty(new Money(1), 'doubled', { value: 3, enumerable: true });
    expect(Object.getOwnPropertyDescriptor(codec.copy(money, 'result').value, 'doubled')?.value).equal(3);
  });

  it('use a codec of their own, private state included', () => {
    const { codec } = newCodec();
    const back = codec.copy({ token: new Token('s3') }, 'result').value.token;
    expect(back).instanceOf(Token);
    expect(back.hidden()).equal('s3');
    const chain = codec.copy(new Node(new Node(new Node())), 'result').value;
    expect(chain.next?.next).instanceOf(Node);
    expect(chain.next?.next?.next).equal(undefined);
  });

  it('may be lists with a codec of their own', () => {
    const { codec } = newCodec();
    const back = codec.copy([Tags.from(['a', 'b'])], 'result').value[0];
    expect(back).instanceOf(Tags);
    expect([...(back ?? [])]).deep.equal(['a', 'b']);
  });

  it('are refused where a codec of their own fails or would never end', () => {
    const { codec } = newCodec();
    const error = apiaryErrorOf('NOT_RECORDABLE', () => codec.encode({ a: [new Failing()] }, 'result'));
    expect(error.details.path).equal('result.a[0]');
    expect((error.cause as Error).message).equal('cannot');
    const loop = new Node();
    loop.next = loop;
    expect(apiaryErrorOf('NOT_RECORDABLE', () => codec.encode(loop, 'result')).details.found).match(/inside itself/);
  });

  it('are restored exactly: a subclass of one is another class', () => {
    const { codec, warnings } = newCodec();
    const back = codec.copy([new Refund(5)], 'result').value[0] as object;
    expect(Object.getPrototypeOf(back)).equal(Object.prototype);
    expectSame(back, { cents: 5 });
    expect(warnings).to.have.lengthOf(1);
  });

  it('may be errors: instanceof, fields, name, stack and cause hold', () => {
    const { codec } = newCodec();
    const error = new OutOfStock('tea');
    error.cause = new Coded('rain');
    const back = codec.decodeError(codec.encodeError(error)) as OutOfStock;
    expect(back).instanceOf(OutOfStock);
    expect([back.name, back.message, back.sku, back.stack]).deep.equal(['OutOfStock', 'no tea', 'tea', error.stack]);
    expect(back.cause).instanceOf(Coded);
    expect((back.cause as Coded).stack).equal((error.cause as Error).stack);
    const coded = codec.decodeError(codec.encodeError(new Coded('snow'))) as Coded;
    expect(coded).instanceOf(Coded);
    expect([coded.message, coded.reason]).deep.equal(['because snow', 'snow']);
    expect(codec.copy({ error }, 'result').value.error).instanceOf(OutOfStock);
  });

  it('that this process does not know come back as data, and the log says so', () => {
    const { codec, warnings } = newCodec();
    expectSame(codec.decode('{"$apiary":1,"d":[["Class",1],{"class":2,"fields":3},"Gone",{"a":4},1]}'), { a: 1 });
    codec.decode('{"$apiary":1,"d":[["Class",1],{"class":2,"data":3},"Gone",5]}');
    expect(warnings).to.have.lengthOf(1);
    expect(warnings[0]?.message).match(/"Gone"/);
  });
});

describe('instances of other classes', () => {
  it('come back as plain objects, at first as later, and the log says so once a class', () => {
    const { codec, warnings } = newCodec();
    const { text, value } = codec.copy({ p: new Plain() }, 'result');
    expectSame(value, { p: { id: 1, nested: { at: new Date(0) } } });
    expectSame(codec.decode(text), value);
    codec.encode(new Plain(), 'result');
    expect(warnings.map((w) => w.fields)).deep.equal([{ class: 'Plain' }]);
    expect(thrownBy(() => (value.p as Plain).total())).instanceOf(TypeError);
  });

  it('are stored as their own JSON when their fields allow it', () => {
    const { codec } = newCodec();
    class Request {
      from = 'a';
      amount = 5;
      note: string | undefined;
    }
    expect(codec.encode([new Request()], 'arguments')).equal('[{"from":"a","amount":5}]');
  });
});
