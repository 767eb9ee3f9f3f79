import { apiaryError } from '@apiary/decorators/internal';
import { classify, isInfrastructure, markDriverError, type ErrorKind } from '@apiary/core/internal';
import { expect } from 'chai';
import pg from 'pg';

/** As pg makes it from an ErrorResponse. */
function server(code: string, fields: Record<string, unknown> = {}): Error {
  return Object.assign(new Error('text in any language'), { name: 'error', severity: 'ERROR', code, ...fields });
}
const fatal = { severity: 'FATAL' };
const text = (message: string): Error => new Error(message);
const system = (code: string, message = code): Error => Object.assign(new Error(message), { code });

const table: readonly (readonly [string, Error, ErrorKind])[] = [
  ['serialization failure', server('40001'), 'serialization'],
  ['deadlock', server('40P01'), 'serialization'],
  ['transaction rollback', server('40000'), 'serialization'],
  ['completion unknown', server('40003'), 'unavailable'],
  ['deferred constraint at COMMIT', server('40002'), 'user'],
  ['unique violation', server('23505', { table: 't' }), 'unique'],
  ['foreign key violation', server('23503'), 'user'],
  ['not null violation', server('23502'), 'user'],
  ['exclusion violation', server('23P01'), 'user'],
  ['check violation', server('23514'), 'user'],
  ['division by zero', server('22012'), 'user'],
  ['syntax error', server('42601'), 'user'],
  ['missing table', server('42P01'), 'user'],
  ['insufficient privilege', server('42501'), 'user'],
  ['failed transaction', server('25P02'), 'user'],
  ['raised by the user', server('P0001'), 'user'],
  ['cancelled', server('57014'), 'timeout'],
  ['lock not available', server('55P03'), 'timeout'],
  ['idle in transaction too long', server('25P03', fatal), 'connection'],
  ['transaction too long', server('25P04', fatal), 'connection'],
  ['administrator ended it', server('57P01', fatal), 'connection'],
  ['server crashed', server('57P02', fatal), 'connection'],
  ['server starts', server('57P03', fatal), 'unavailable'],
  ['database dropped', server('57P04', fatal), 'connection'],
  ['idle session too long', server('57P05', fatal), 'connection'],
  ['too many connections', server('53300', fatal), 'unavailable'],
  ['out of memory', server('53200'), 'unavailable'],
  ['disk full', server('53100'), 'unavailable'],
  ['configured limit', server('53400'), 'unavailable'],
  ['i/o error', server('58030'), 'unavailable'],
  ['too many values for a statement', server('08P01'), 'user'],
  ['protocol violation that ends the session', server('08P01', fatal), 'connection'],
  ['connection failure', server('08006', fatal), 'connection'],
  ['connection of a foreign server failed', server('08001'), 'unavailable'],
  ['plan refused', server('0A000', { routine: 'RevalidateCachedQuery' }), 'plan'],
  ['feature not supported', server('0A000', { routine: 'transformFromClause' }), 'user'],
  ['fenced', server('APF01'), 'fenced'],
  ['void', server('APV01'), 'void'],
  ['read-only transaction', server('25006'), 'user'],
  ['unknown code that ends the session', server('ZZ999', fatal), 'connection'],
  ['internal error', server('XX000'), 'user'],
  ['wrong password', server('28P01', fatal), 'connection'],
  ['reset', system('ECONNRESET', 'read ECONNRESET'), 'connection'],
  ['broken pipe', system('EPIPE', 'write EPIPE'), 'connection'],
  ['timed out', system('ETIMEDOUT'), 'connection'],
  ['destroyed stream', system('ERR_STREAM_DESTROYED'), 'connection'],
  ['refused', system('ECONNREFUSED', 'connect ECONNREFUSED 127.0.0.1:1'), 'unavailable'],
  ['no such host', system('ENOTFOUND'), 'unavailable'],
  ['name service', system('EAI_AGAIN'), 'unavailable'],
  ['no route', system('EHOSTUNREACH'), 'unavailable'],
  ['no files left', system('EMFILE'), 'unavailable'],
  ['pg: end of the socket', text('Connection terminated unexpectedly'), 'connection'],
  ['pg: end of the client', text('Connection terminated'), 'connection'],
  ['pg: slow start', text('Connection terminated due to connection timeout'), 'connection'],
  ['pg: after an error', text('Client has encountered a connection error and is not queryable'), 'connection'],
  ['pg: after the end', text('Client was closed and is not queryable'), 'connection'],
  ['pg: read timeout', text('Query read timeout'), 'connection'],
  ['pg: wrong message', text('Received unexpected commandComplete message from backend.'), 'connection'],
  ['Knex puts the statement before', text('select 1 - Connection terminated unexpectedly'), 'connection'],
  ['pg pool: no connection', text('timeout exceeded when trying to connect'), 'unavailable'],
  ['pg: no connection in time', text('timeout expired'), 'unavailable'],
  ['pg pool: ended', text('Cannot use a pool after calling end on the pool'), 'unavailable'],
  ['Knex: pool is full', text('Knex: Timeout acquiring a connection. The pool is probably full. Are you missing a .transacting(trx) call?'), 'unavailable'],
  ['Knex: no pool', text('Unable to acquire a connection'), 'unavailable'],
  ['tarn', text('operation timed out for an unknown reason'), 'unavailable'],
  ['no TLS', text('The server does not support SSL connections'), 'unavailable'],
  ['text that nobody knows', text('something else'), 'user'],
  ['a statement that quotes an error', text(`select 'Connection terminated unexpectedly' - column "x" does not exist`), 'user'],
];

describe('the classifier', () => {
  for (const [what, error, kind] of table) {
    it(`${what}: ${kind}`, () => {
      expect(classify(error), 'not from the driver').equal('user');
      markDriverError(error, 1);
      expect(classify(error)).equal(kind);
      expect(isInfrastructure(error)).equal(['connection', 'serialization', 'unavailable', 'plan'].includes(kind));
    });
  }

  it('a time-out is infrastructure only for statements of the engine', () => {
    for (const code of ['57014', '55P03']) {
      const error = markDriverError(server(code), 1);
      expect([isInfrastructure(error), isInfrastructure(error, { engine: true })]).deep.equal([false, true]);
    }
    const readOnly = markDriverError(server('25006'), 1);
    expect([isInfrastructure(readOnly), isInfrastructure(readOnly, { engine: true })]).deep.equal([false, true]);
  });

  it("errors of user code are the user's, whatever they look like", () => {
    const lookalikes = [
      new Error('ECONNRESET'),
      new Error('Connection terminated unexpectedly'),
      system('ECONNRESET'),
      server('40001'),
      apiaryError('FENCED', { executorId: 'x' }),
      { code: '40001' },
      '40001',
      null,
      undefined,
      40001,
      Object.freeze(new Error('timeout expired')),
      new pg.DatabaseError('x', 1, 'error'),
    ];
    for (const error of lookalikes) {
      expect(classify(error)).equal('user');
      expect(isInfrastructure(error, { engine: true })).equal(false);
    }
  });

  it('an error that says where it happened is of that kind, and the first mark stays', () => {
    const error = markDriverError(markDriverError(server('28P01', fatal), 0, 'unavailable'), 7, 'connection');
    expect(classify(error)).equal('unavailable');
  });
});
