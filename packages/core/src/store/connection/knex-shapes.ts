/**
 * Compiled queries by shape: what Knex makes of a builder depends on its names, operators and numbers of values, and not on the values. A builder
 * of a shape that was compiled before gets the text that was made then, with its own values. What is not surely of this kind (raw SQL, functions,
 * subqueries, joins, objects as values) is compiled by Knex each time.
 */
import { randomBytes } from 'node:crypto';
import type { KnexBuilder, KnexClient, KnexQuery, KnexQueryBuilder, KnexStatement } from './knex-internals.js';

/** A step on the way to a shape: a name, a number of values, or what of the builder comes next. */
type Step = string | number | boolean | symbol | null | undefined;

interface Shape {
  readonly next: Map<Step, Shape>;
  /** Null: Knex has to compile it, since its values were not those that were expected. */
  compiled: Compiled | null | undefined;
}

/** What of a query comes from its shape. */
interface Compiled {
  readonly method: string;
  readonly sql: string;
  readonly pluck: string | undefined;
  readonly as: string | undefined;
  /** Knex says what is returned, if only that nothing is. */
  readonly returns: boolean;
}

/** Shapes are forgotten, all of them, when there are more steps than this: somebody makes names up. */
const mostSteps = 20_000;
/** Longer lists of values hardly come twice in one length. */
const longestList = 64;
const list = Symbol('list');
const statements = Symbol('statements');

const methods = new Set(['select', 'first', 'pluck', 'insert', 'update', 'del']);
/** Parts of a builder that hold names, or words of the language. */
const named = new Set(['table', 'schema', 'as', 'only', 'returning', 'options', 'pluck', 'onConflict', 'ignore', 'lock', 'lockTables', 'waitMode']);
const parts = new Set(['method', 'sql', 'returning', 'pluck', 'as', 'timeout', 'cancelOnTimeout', 'bindings', 'options', '__knexQueryUid']);
const uid = randomBytes(9).toString('base64url');
let queries = 0;

export class KnexShapes {
  readonly #Builder: new () => KnexQueryBuilder;
  #root = newShape();
  #steps = 0;
  /** The texts of shapes, with the numbers of their values in place of question marks. */
  #numbered = new Map<string, string>();

  constructor(dialect: KnexClient) {
    this.#Builder = dialect.queryBuilder().constructor as new () => KnexQueryBuilder;
  }

  /** Undefined for a text that is not one of a shape. */
  numbered(text: string): string | undefined {
    return this.#numbered.get(text);
  }

  compile(builder: KnexBuilder): KnexQuery | KnexQuery[] {
    if (!this.#isPlain(builder)) return builder.toSQL();
    const way = new Way(this.#root);
    const shape = way.take(builder) ? way.at : undefined;
    this.#count(way.made);
    if (shape === undefined || shape.compiled === null) return builder.toSQL();
    if (shape.compiled === undefined) return this.#learn(shape, builder, way.values);
    return fill(shape.compiled, builder, way.values);
  }

  /** A builder of queries as Knex made it, of a client that does not change names. */
  #isPlain(builder: KnexBuilder): builder is KnexQueryBuilder {
    return builder.constructor === this.#Builder && builder.toSQL === (this.#Builder.prototype as KnexBuilder).toSQL && !builder.client.config.wrapIdentifier;
  }

  #count(made: number): void {
    this.#steps += made;
    if (this.#steps < mostSteps) return;
    this.#root = newShape();
    this.#steps = 0;
    this.#numbered = new Map();
  }

  #learn(shape: Shape, builder: KnexQueryBuilder, values: readonly unknown[]): KnexQuery | KnexQuery[] {
    const query = builder.toSQL();
    if (Array.isArray(query)) return query;
    const { method, sql, pluck, as, bindings = [] } = query;
    const expected = bindings.length === values.length && bindings.every((binding, i) => Object.is(binding, values[i]));
    shape.compiled = expected && Object.keys(query).every((part) => parts.has(part)) ? { method, sql, pluck, as, returns: 'returning' in query } : null;
    if (shape.compiled !== null) this.#numbered.set(sql, builder.client.positionBindings(sql));
    return query;
  }
}

function newShape(): Shape {
  return { next: new Map(), compiled: undefined };
}

/** As Knex makes it. */
function fill(compiled: Compiled, builder: KnexQueryBuilder, values: unknown[]): KnexQuery {
  const { method, sql, pluck, as, returns } = compiled;
  const query: KnexQuery = { method, options: {}, timeout: false, cancelOnTimeout: false, bindings: values, __knexQueryUid: `${uid}${++queries}`, sql };
  if (returns) query.returning = builder._single['returning'];
  if (pluck !== undefined) query.pluck = pluck;
  if (as !== undefined) query.as = as;
  return query;
}

/** Goes through a builder in the order in which Knex compiles it, along the tree of shapes, and collects the values. */
class Way {
  at: Shape;
  made = 0;
  readonly values: unknown[] = [];

  constructor(root: Shape) {
    this.at = root;
  }

  /** False if it has something whose text may depend on more than its shape. */
  take(builder: KnexQueryBuilder): boolean {
    if (!methods.has(builder._method) || builder._comments.length > 0 || builder._options !== undefined || builder._timeout) return false;
    this.#step(builder._method);
    return this.#single(builder._single) && this.#statements(builder._statements) && this.#limits(builder._single);
  }

  /** All give true, so that steps can be joined with `&&`. */
  #step(step: Step): true {
    let next = this.at.next.get(step);
    if (next === undefined) {
      next = newShape();
      this.at.next.set(step, next);
      this.made++;
    }
    this.at = next;
    return true;
  }

  #value(value: unknown): boolean {
    if (!isValue(value)) return false;
    this.values.push(value);
    return true;
  }

  #name(name: unknown): boolean {
    if (isStep(name)) return this.#step(name);
    return Array.isArray(name) && this.#step(list) && this.#step(name.length) && name.every((one) => isStep(one) && this.#step(one));
  }

  #single(single: KnexQueryBuilder['_single']): boolean {
    for (const part of Object.keys(single)) {
      if (part === 'limit' || part === 'offset' || part === 'skipBinding') continue;
      this.#step(part);
      const of = single[part];
      const taken =
        part === 'insert'
          ? this.#row(of, true)
          : part === 'update'
            ? this.#row(of, false)
            : part === 'counter'
              ? this.#counter(single)
              : named.has(part) && this.#name(of);
      if (!taken) return false;
    }
    return true;
  }

  #row(row: unknown, sorted: boolean): boolean {
    if (!isRecord(row)) return false;
    const columns = Object.keys(row);
    // Knex sorts the columns of an insert, and takes those of an update as they come.
    if (sorted) columns.sort();
    this.#step(columns.length);
    return columns.every((column) => this.#step(column) && this.#value(row[column]));
  }

  /** The sign of a number that is added becomes text. Beside an update Knex writes into the user's object. */
  #counter(single: KnexQueryBuilder['_single']): boolean {
    const { counter, update } = single;
    if (!isRecord(counter) || update !== undefined) return false;
    const columns = Object.keys(counter);
    this.#step(columns.length);
    return columns.every((column) => {
      const amount = counter[column];
      if (typeof amount !== 'number') return false;
      return this.#step(column) && this.#step(amount < 0) && this.#value(amount < 0 ? -amount : amount);
    });
  }

  #statements(all: readonly KnexStatement[]): boolean {
    this.#step(statements);
    return all.every((statement) => {
      this.#step(statement.grouping);
      switch (statement.grouping) {
        case 'where':
          return this.#where(statement);
        case 'columns':
        case 'group':
        case 'order':
          return Object.keys(statement).every((part) => this.#step(part) && this.#name(statement[part]));
        default:
          return false;
      }
    });
  }

  #where(statement: KnexStatement): boolean {
    const { type, column, operator, not, bool, asColumn, value } = statement;
    if (asColumn === true) return false;
    for (const word of [type, column, operator, not, bool]) if (!isStep(word) || !this.#step(word)) return false;
    switch (type) {
      case 'whereBasic':
        return this.#value(value);
      case 'whereNull':
        return true;
      case 'whereIn':
      case 'whereBetween':
        if (!Array.isArray(value) || value.length === 0 || value.length > longestList) return false;
        return this.#step(value.length) && value.every((one) => this.#value(one));
      default:
        return false;
    }
  }

  /** They are compiled last; with `skipBinding` their numbers become text. */
  #limits(single: KnexQueryBuilder['_single']): boolean {
    const { limit, offset, skipBinding } = single;
    if (isRecord(skipBinding) && Object.values(skipBinding).some((skip) => skip !== undefined)) return false;
    // Knex leaves an offset of 0 out.
    return this.#limit('limit', limit) && (offset === 0 || this.#limit('offset', offset));
  }

  #limit(which: string, value: unknown): boolean {
    return value === undefined || (this.#step(which) && typeof value === 'number' && this.#value(value));
  }
}

function isStep(value: unknown): value is string | number | boolean | undefined {
  return typeof value === 'string' || typeof value === 'boolean' || typeof value === 'number' || value === undefined;
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype;
}

/** What becomes a value whatever it is. An undefined one is DEFAULT or an error, an object may be SQL. */
function isValue(value: unknown): boolean {
  switch (typeof value) {
    case 'string':
    case 'number':
    case 'boolean':
    case 'bigint':
      return true;
    default:
      return value === null || value instanceof Date;
  }
}
