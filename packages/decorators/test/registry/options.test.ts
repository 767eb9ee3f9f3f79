import { Communicator, Procedure, Service, Transaction, Workflow } from '@apiary/decorators';
import { inspect } from '@apiary/decorators/internal';
import { expect } from 'chai';
import { problemsOf } from '../support/app.js';
import { sql } from '../support/sql.js';

function withOptions(kind: 'workflow' | 'transaction' | 'procedure' | 'communicator', options: unknown) {
  const given = options as never;
  class Job {
    declare static kind: string;
  }
  class WorkflowJob extends Job {
    @Workflow(given)
    async run(): Promise<void> {}
  }
  class TransactionJob extends Job {
    @Transaction(given)
    async run(): Promise<void> {}
  }
  class ProcedureJob extends Job {
    @Procedure(given)
    run() {
      return sql`select 1`;
    }
  }
  class CommunicatorJob extends Job {
    @Communicator(given)
    async run(): Promise<void> {}
  }
  return { workflow: WorkflowJob, transaction: TransactionJob, procedure: ProcedureJob, communicator: CommunicatorJob }[kind];
}

const retries = (retry: unknown) => ({ retry });
const wrong: readonly (readonly [Parameters<typeof withOptions>[0], unknown, string])[] = [
  ['workflow', 'daily', 'its options are "daily", not an object'],
  ['workflow', { queue: 'mail' }, 'queue: there is no such option; known are name, deadline, maxRecoveries'],
  ['workflow', { key: () => 'x' }, 'key: there is no such option'],
  ['workflow', { deadline: '3 fortnights' }, 'deadline: "3 fortnights" is no duration'],
  ['workflow', { deadline: -1 }, 'deadline: -1 is no duration'],
  ['workflow', { maxRecoveries: 1.5 }, 'maxRecoveries: 1.5 is not a whole number from 0'],
  ['workflow', { name: '' }, 'name: "" is no name'],
  ['workflow', { name: 'a\0b' }, 'is not well-formed Unicode without NUL'],
  ['workflow', { name: '\ud800' }, 'is not well-formed Unicode without NUL'],
  ['workflow', { toString: 1 }, 'toString: there is no such option'],
  ['transaction', { isolation: 'snapshot' }, 'isolation: "snapshot" is not one of "serializable", "repeatable read", "read committed"'],
  ['transaction', { readOnly: 'yes' }, 'readOnly: "yes" is no boolean'],
  ['transaction', { timeout: Infinity }, 'timeout: Infinity is no duration'],
  ['transaction', { undo: 'release' }, 'undo: there is no such option'],
  ['procedure', { timeout: 5 }, 'timeout: there is no such option'],
  ['communicator', { verify: 'x' }, 'verify: there is no such option'],
  ['communicator', { retries: 3 }, 'retries: there is no such option; known are name, retry, timeout'],
  ['communicator', retries(3), 'retry: 3 is not an object'],
  ['communicator', retries({ attempts: 3 }), 'retry.attempts: there is no such option; known are maxAttempts'],
  ['communicator', retries({ maxAttempts: 0 }), 'retry.maxAttempts: 0 is not a whole number from 1, or Infinity'],
  ['communicator', retries({ maxAttempts: 2.5 }), 'retry.maxAttempts: 2.5'],
  ['communicator', retries({ initialInterval: '1 sec' }), 'retry.initialInterval: "1 sec" is no duration'],
  ['communicator', retries({ maxInterval: Number.NaN }), 'retry.maxInterval: NaN is no duration'],
  ['communicator', retries({ backoff: 0.5 }), 'retry.backoff: 0.5 is not a number from 1'],
  ['communicator', retries({ jitter: 2 }), 'retry.jitter: 2 is not a number from 0 to 1'],
  ['communicator', retries({ retryIf: true }), 'retry.retryIf: true is no function'],
];

describe('an option that launch refuses', () => {
  for (const [kind, options, text] of wrong) {
    it(`@${kind}: ${text}`, () => {
      const problems = problemsOf(withOptions(kind, options));
      expect(problems).to.have.length(1);
      expect(problems[0]?.method).to.match(/Job\.run$/);
      expect(problems[0]?.problem).to.contain(text);
    });
  }

  it('@Service: an unknown one, and a name that is none', () => {
    @Service({ scope: 'request' } as never)
    class A {}
    @Service({ name: 7 } as never)
    class B {}
    expect(problemsOf(A, B).map(({ problem }) => problem)).to.deep.equal([
      '@Service: scope: there is no such option; known are name',
      '@Service: name: 7 is no name',
    ]);
  });
});

describe('options that launch takes', () => {
  const right: readonly (readonly [Parameters<typeof withOptions>[0], unknown])[] = [
    ['workflow', undefined],
    ['workflow', { name: undefined, deadline: '3 days', maxRecoveries: 0 }],
    ['transaction', { isolation: 'read committed', readOnly: true, timeout: '2 minutes' }],
    ['procedure', { isolation: 'serializable', readOnly: undefined }],
    ['communicator', { timeout: 0, retry: { maxAttempts: Infinity, initialInterval: 0, maxInterval: '1 hour', backoff: 1, jitter: 0, retryIf: () => true } }],
    ['communicator', { retry: { maxAttempts: undefined } }],
  ];
  for (const [kind, options] of right) {
    it(`@${kind}(${JSON.stringify(options)})`, () => {
      const { functions } = inspect({ services: [withOptions(kind, options)] });
      expect([...functions.values()][0]?.metadata.options).to.deep.equal(options ?? {});
    });
  }
});
