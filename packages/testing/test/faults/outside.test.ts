import { appendFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { callWitness, Child, ClientJournal, readClientJournal, readWitness, until, Witness, type WitnessAnswer } from '@apiary/testing/internal';
import { expect } from 'chai';
import { failure, pending } from './support/server.js';

const module = new URL('./support/calling-child.js', import.meta.url);

describe('oracles outside the database', () => {
  let folder: string;
  let file: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'apiary-outside-'));
    file = join(folder, 'log');
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  describe('the witness', () => {
    it('writes each call down before it answers, and goes on where it ended', async () => {
      const first = await Witness.start({ file });
      await callWitness(first.url, { key: 'a', name: 'Mailer.receipt', workflowId: 'w', stepId: '1' });
      expect(readWitness(file)).to.have.length(1);
      await first.stop();
      await using second = await Witness.start({ file });
      const before = Date.now();
      await callWitness(second.url, { key: 'a', name: 'Mailer.receipt' });
      await callWitness(second.url, { key: 'b', name: 'Printer.print' });
      expect(second.records.map(({ number, key }) => [number, key])).to.deep.equal([
        [1, 'a'],
        [2, 'a'],
        [3, 'b'],
      ]);
      expect(second.records[1]?.arrived).to.be.within(before, Date.now());
      expect(second.byKey().get('a')).to.have.length(2);
      expect(second.calls('Printer.print')).to.have.length(1);
      expect(readWitness(file)).to.deep.equal(second.records);
    });

    it('has counted a call whose answer it spoils', async () => {
      const answers: WitnessAnswer[] = ['refuse', 'cut', 'hang', 'accept'];
      await using witness = await Witness.start({ file, answer: () => answers.shift() ?? 'accept' });
      const call = { key: 'a', name: 'Mailer.receipt' };
      expect((await failure(callWitness(witness.url, call))).message).to.contain('503');
      await failure(callWitness(witness.url, call));
      const abort = new AbortController();
      const hanging = failure(callWitness(witness.url, call, abort.signal));
      await until('the third call is written', () => readWitness(file).length === 3);
      expect(await pending(hanging)).to.equal(true);
      abort.abort();
      await hanging;
      await callWitness(witness.url, call);
      expect(readWitness(file)).to.have.length(4);
    });

    it('refuses what is no call', async () => {
      await using witness = await Witness.start({ file });
      expect((await fetch(`${witness.url}/call`, { method: 'POST', body: '{"name":"x"}' })).status).to.equal(400);
      expect((await fetch(witness.url)).status).to.equal(404);
      expect(readWitness(file)).to.have.length(0);
    });

    it('has every call of a caller that was killed', async () => {
      await using witness = await Witness.start({ file });
      const child = await Child.spawn(module, { args: ['witness', witness.url] });
      await until('twenty calls have come', () => witness.records.length >= 20);
      await child.kill();
      const keys = witness.records.map(({ key }) => key);
      expect(keys).to.deep.equal(keys.map((_, i) => `k${i + 1}`));
      // the last one may have come after the last look
      await until('all are on disk', () => readWitness(file).length === witness.records.length);
    });
  });

  describe('the journal of a client', () => {
    it('tells what was promised: acknowledged, refused or unknown, and each result seen', async () => {
      const journal = ClientJournal.open(file);
      await journal.intent('a', 'Bank.transfer', { amount: 5 });
      await journal.ack('a');
      await journal.result('a', 'SUCCESS', 7);
      await journal.intent('b', 'Bank.transfer');
      await journal.error('b', new Error('VALIDATION'), { started: false });
      await journal.intent('c', 'Bank.transfer');
      await journal.unknown('c', new Error('time-out'));
      await journal.intent('d', 'Bank.transfer');
      await journal.intent('e', 'Bank.transfer');
      await journal.error('e', 'failed later', { started: true });
      await journal.close();
      const known = readClientJournal(file);
      expect([...known.values()].map(({ id, start }) => [id, start])).to.deep.equal([
        ['a', 'acknowledged'],
        ['b', 'not started'],
        ['c', 'unknown'],
        ['d', 'unknown'],
        ['e', 'unknown'],
      ]);
      expect(known.get('a')).to.deep.include({ function: 'Bank.transfer', input: { amount: 5 }, results: [{ status: 'SUCCESS', value: 7 }] });
    });

    it('weighs several tries of one id: one unknown outweighs a refusal, an acknowledgement all', async () => {
      const journal = ClientJournal.open(file);
      await journal.intent('a', 'f');
      await journal.unknown('a', 'time-out');
      await journal.intent('a', 'f');
      await journal.error('a', 'CONFLICT', { started: false });
      expect(readClientJournal(file).get('a')?.start).to.equal('unknown');
      await journal.intent('a', 'f');
      await journal.ack('a');
      await journal.intent('a', 'f');
      await journal.close();
      expect(readClientJournal(file).get('a')?.start).to.equal('acknowledged');
    });

    it('survives the client: what it told is on disk', async () => {
      const child = await Child.spawn(module, { args: ['journal', file] });
      (await child.point('intended')).continue();
      (await child.point('acknowledged')).continue();
      await child.point('intended');
      await child.kill();
      expect([...readClientJournal(file).values()].map(({ id, start }) => [id, start])).to.deep.equal([
        ['w1', 'acknowledged'],
        ['w2', 'unknown'],
      ]);
    });

    it('leaves out a line that a crash has cut', async () => {
      const journal = ClientJournal.open(file);
      await journal.intent('a', 'f');
      await journal.close();
      appendFileSync(file, '{"id":"b","event":"int');
      expect([...readClientJournal(file).keys()]).to.deep.equal(['a']);
    });
  });
});
