import { decorateMethod } from '../method.js';
import type { Query } from '../query.js';
import type { HasNotJson, Nameable } from './recorded.js';
import type { TransactionOptions } from './transaction.js';

type ProcedureDecorator = <M>(
  target: object,
  key: M extends (...args: never[]) => Query<infer R>
    ? true extends HasNotJson<R>
      ? 'PostgreSQL records the rows of a @Procedure as JSON: select dates, bigints and bytes as text'
      : string
    : '@Procedure needs a sync method that returns sql`...` or sql.batch(...)',
  descriptor: TypedPropertyDescriptor<M>,
) => void;

/**
 * A transaction without interaction, in one round trip: a sync method that returns `sql`; awaiting the call gives the rows. They are
 * JSON values; `one()` is checked by the server, before the commit. Calls that are under way at the same time may share a database
 * transaction, in which they run one after the other: they then have the same `now()`. If it fails, each runs in one of its own.
 * @param options name, isolation and read-only; a wrong one is REGISTRATION at launch
 */
export function Procedure(options?: Nameable & Pick<TransactionOptions, 'isolation' | 'readOnly'>): ProcedureDecorator {
  return decorateMethod('procedure', options) as ProcedureDecorator;
}
