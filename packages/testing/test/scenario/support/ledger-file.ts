/** A payment service outside of all processes of a test: a line for each charge that it did. */
import { appendFileSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Communicator, idempotencyKey } from '@apiary/core';
import { scenario, type Scenario } from '@apiary/testing';
import { expect } from 'chai';

/** Processes that are started later find it. */
const file = (process.env['APIARY_TEST_LEDGER'] ??= join(tmpdir(), `apiary-ledger-${process.pid}`));
const charges = (): string[] => readFileSync(file, { flag: 'a+', encoding: 'utf8' }).split('\n').filter(Boolean);

class Payments {
  @Communicator()
  async charge(knowsKeys: boolean): Promise<string> {
    if (!knowsKeys || !charges().includes(idempotencyKey())) appendFileSync(file, `${idempotencyKey()}\n`);
    return 'receipt';
  }
}

export function order(knowsKeys: boolean): Scenario {
  return scenario({
    services: [Payments],
    arrange: async () => rmSync(file, { force: true }),
    act: (app) => app.start(Payments, { workflowId: 'order' }).charge(knowsKeys).result(),
    assert: async () => expect(charges()).to.have.length(1),
  });
}
