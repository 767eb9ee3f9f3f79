/** A child that announces itself, waits at points, calls a witness, writes a journal, and does what it is told. */
import { callWitness, childSide, ClientJournal } from '@apiary/testing/internal';

const side = childSide();
const [mode, where] = process.argv.slice(2);
side.ready({ pid: process.pid, mode });
switch (mode) {
  case 'points':
    await side.point('first', { n: 1 });
    await side.point('second');
    await side.result('done');
    side.leave();
    break;
  case 'echo':
    side.onMessage((message) => void side.result(message));
    break;
  case 'throw':
    throw new Error('the child broke');
  case 'count': {
    let count = 0;
    setInterval(() => count++, 1);
    side.onMessage(() => void side.point('counted', count));
    break;
  }
  case 'witness':
    // killed by its parent in the middle
    for (let i = 1; ; i++) await callWitness(where ?? '', { key: `k${i}`, name: 'Mailer.receipt', attempt: 1 });
  case 'journal': {
    const journal = ClientJournal.open(where ?? '');
    for (let i = 1; ; i++) {
      await journal.intent(`w${i}`, 'Bank.transfer', { i });
      await side.point('intended', i);
      await journal.ack(`w${i}`);
      await side.point('acknowledged', i);
    }
  }
}
