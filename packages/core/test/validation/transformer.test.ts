import { isApiaryError, Service, Workflow } from '@apiary/decorators/internal';
import { checkRules, Codec, instantiate, validateArguments } from '@apiary/core/internal';
import { Exclude, Expose, Transform, Type } from 'class-transformer';
import { IsDate, IsInt, IsInstance, IsNumber, IsString, registerDecorator, Validate, ValidateNested, ValidatorConstraint } from 'class-validator';
import { expect } from 'chai';
import { apiaryErrorOf, expectSame } from '../codec/support.js';
import { broken, functionOf } from './support.js';

abstract class Shape {
  @IsString() kind!: string;
}
class Circle extends Shape {
  @IsNumber() radius!: number;
}
class Square {
  @IsNumber() side!: number;
}
class Drawing {
  @ValidateNested()
  @Type(() => Shape as never, {
    discriminator: {
      property: 'kind',
      subTypes: [
        { name: 'circle', value: Circle },
        { name: 'square', value: Square },
      ],
    },
  })
  shape!: Circle | Square;
  @ValidateNested({ each: true })
  @Type(() => Shape as never, {
    discriminator: {
      property: 'kind',
      subTypes: [
        { name: 'circle', value: Circle },
        { name: 'square', value: Square },
      ],
    },
  })
  more!: (Circle | Square)[];
}
class Visit {
  @IsDate() @Type(() => Date) at!: Date;
  @IsNumber() @Type(() => Number) count!: number;
  @ValidateNested({ each: true }) @Type(() => Square) set!: Set<Square>;
  @ValidateNested({ each: true }) @Type(() => Square) map!: Map<string, Square>;
}
let transforms = 0;
class Trimmed {
  @IsString()
  @Transform(({ value }) => {
    transforms++;
    return typeof value === 'string' ? `${value.trim()}!` : (value as unknown);
  })
  name!: string;
  @IsInt() @Expose({ name: 'n' }) number!: number;
}
class Hidden {
  @IsString() shown!: string;
  @Exclude() secret?: string;
}
class Marked {
  @IsString() id = 'made by the class';
  @IsString() note!: string;
  calls = undefined;
  get upper(): string {
    return this.note.toUpperCase();
  }
}
class Special {
  @IsInstance(URL) link!: URL;
}

@Service()
class Things {
  @Workflow() async draw(drawing: Drawing): Promise<unknown> {
    return drawing;
  }
  @Workflow() async visit(visit: Visit): Promise<unknown> {
    return visit;
  }
  @Workflow() async trim(text: Trimmed): Promise<unknown> {
    return text;
  }
  @Workflow() async hide(hidden: Hidden): Promise<unknown> {
    return hidden;
  }
  @Workflow() async mark(marked: Marked): Promise<unknown> {
    return marked;
  }
  @Workflow() async link(special: Special): Promise<unknown> {
    return special;
  }
}

const warnings: string[] = [];
const codec = new Codec({ payload: 1 << 20, payloadWarning: 1 << 20, warn: (message) => warnings.push(message) });

/** As the engine does it: checked, recorded, and made again from the record. */
function first<T>(method: string, value: unknown): { readonly text: string | null; readonly made: T } {
  const fn = functionOf(Things, method);
  const { text, value: plain } = codec.copy(validateArguments(fn, [value]), 'arguments');
  const made = instantiate(fn, plain as unknown[])[0] as T;
  expectSame(instantiate(fn, codec.decode(text) as unknown[])[0], made);
  return { text, made };
}

describe('decorators of class-transformer', () => {
  it('convert where @Type says so', () => {
    const { made } = first<Visit>('visit', { at: '2020-01-01T00:00:00.000Z', count: '5', set: [{ side: 1 }], map: { a: { side: 2 } } });
    expectSame([made.at, made.count], [new Date('2020-01-01T00:00:00.000Z'), 5]);
    expect([...made.set][0]).instanceOf(Square);
    expect(made.map.get('a')).instanceOf(Square);
    expect(broken(functionOf(Things, 'visit'), [{ at: 'never', count: 'many', set: [{ side: 'x' }], map: { a: {} } }])).deep.equal([
      'visit.at isDate',
      'visit.count isNumber',
      'visit.map.a.side isNumber',
      'visit.set.0.side isNumber',
    ]);
  });

  it('choose a class by a discriminator, on the first run and from the record', () => {
    const given = { shape: { kind: 'square', side: 1 }, more: [{ kind: 'circle', radius: 2 }] };
    const { made, text } = first<Drawing>('draw', given);
    expect(made.shape).instanceOf(Square);
    expect(made.more[0]).instanceOf(Circle);
    expect(text).include('"kind":"square"');
    expect(given.shape).deep.equal({ kind: 'square', side: 1 });
    const instances = first<Drawing>('draw', Object.assign(new Drawing(), { shape: Object.assign(new Square(), { side: 1 }), more: [] }));
    expect(instances.made.shape).instanceOf(Square);
    expect(broken(functionOf(Things, 'draw'), [{ shape: { kind: 'circle', radius: 'x' }, more: [] }])).deep.equal(['drawing.shape.radius isNumber']);
    expect(broken(functionOf(Things, 'draw'), [{ shape: { kind: 'square', side: 1, radius: 1 }, more: [] }])).deep.equal([
      'drawing.shape.radius whitelistValidation',
    ]);
  });

  it('apply @Transform and @Expose once, before the record', () => {
    transforms = 0;
    const { made, text } = first<Trimmed>('trim', { name: '  x ', n: 5 });
    expect(text).equal('[{"name":"x!","number":5}]');
    expect(made).instanceOf(Trimmed);
    expectSame({ ...made }, { name: 'x!', number: 5 });
    expect(transforms).equal(1);
    expect(broken(functionOf(Things, 'trim'), [{ name: 5, n: 'x' }])).deep.equal(['text.name isString', 'text.number isInt']);
  });

  it('leave out what @Exclude names', () => {
    const { made, text } = first<Hidden>('hide', { shown: 'a', secret: 's3cret' });
    expect(text).equal('[{"shown":"a"}]');
    expect(made).instanceOf(Hidden);
  });
});

describe('instances of declared classes', () => {
  it('keep what their constructor gave them, from the record on', () => {
    const { made, text } = first<Marked>('mark', { note: 'x' });
    expect(text).equal('[{"id":"made by the class","note":"x"}]');
    expect(made.upper).equal('X');
    expect(broken(functionOf(Things, 'mark'), [{ note: 'x', upper: 'Y' }])).deep.equal(['marked.upper whitelistValidation']);
  });

  it('keep values of built-in classes', () => {
    expectSame(first<Special>('link', { link: new URL('http://h/p') }).made.link, new URL('http://h/p'));
  });

  it('are recorded without a warning that they come back as plain objects', () => {
    first('mark', { note: 'x' });
    first('draw', { shape: { kind: 'square', side: 1 }, more: [] });
    expect(warnings).deep.equal([]);
  });
});

describe('rules that would not do what they say', () => {
  class Loose {
    @ValidateNested({ each: true }) items!: Square[];
  }
  class Untyped {
    @ValidateNested() item!: object;
  }
  @ValidatorConstraint({ async: true })
  class IsFree {
    async validate(): Promise<boolean> {
      return false;
    }
  }
  class Asynchronous {
    @Validate(IsFree) name!: string;
  }
  class Registered {
    name!: string;
  }
  registerDecorator({ name: 'isFree', target: Registered, propertyName: 'name', async: true, validator: { validate: async () => false } });
  class Mixed {
    @ValidateNested()
    @Type(() => Shape as never, { discriminator: { property: 'kind', subTypes: [{ name: 'circle', value: Circle }] } })
    shape!: Circle;
    @IsString() @Transform(({ value }) => value as string) text!: string;
  }

  @Service()
  class Bad {
    @Workflow() async loose(a: Loose): Promise<unknown> {
      return a;
    }
    @Workflow() async untyped(a: Untyped): Promise<unknown> {
      return a;
    }
    @Workflow() async asynchronous(a: Asynchronous): Promise<unknown> {
      return a;
    }
    @Workflow() async registered(a: Registered): Promise<unknown> {
      return a;
    }
    @Workflow() async mixed(a: Mixed): Promise<unknown> {
      return a;
    }
    @Workflow() async good(a: Square): Promise<unknown> {
      return a;
    }
  }

  it('are told all at once, with method and remedy', () => {
    const functions = ['loose', 'untyped', 'asynchronous', 'registered', 'good'].map((method) => functionOf(Bad, method));
    const error = apiaryErrorOf('REGISTRATION', () => checkRules(functions));
    expect(error.details.problems.map(({ method }) => method)).deep.equal(['Bad.loose', 'Bad.untyped', 'Bad.asynchronous', 'Bad.registered']);
    expect(error.message)
      .match(/Loose\.items.*@Type/)
      .match(/Asynchronous\.name is asynchronous/);
    checkRules([functionOf(Bad, 'good')]);
  });

  it('make every call fail, rather than pass', () => {
    for (const [method, value] of [
      ['loose', { items: [{ side: 1 }] }],
      ['asynchronous', { name: 'x' }],
      ['registered', { name: 'x' }],
      ['mixed', { shape: { kind: 'circle', radius: 1 }, text: 'x' }],
    ] as const) {
      for (let i = 0; i < 2; i++) {
        try {
          validateArguments(functionOf(Bad, method), [value]);
        } catch (error) {
          if (!isApiaryError(error, 'REGISTRATION')) throw error;
          continue;
        }
        expect.fail(`${method} passed`);
      }
    }
  });
});
