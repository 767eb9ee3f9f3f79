/** Direct calls that only read: executor/readers.ts and those who ask it. */
import { killer, mutant, type Mutant } from '../mutant.js';

const readers = 'core/executor/readers.js';
const reads = (test: string) => killer('laws/direct-reads', test);

export const directReadMutants: readonly Mutant[] = [
  mutant(
    'a direct read waits until its row is durable',
    'PAPER 4.2',
    ['core/executor/direct.js', 'executor.readers.take(run, ended.outcome)', 'false'],
    reads('the value is told before the row is written'),
  ),
  mutant(
    'rows of direct reads are written only when somebody looks',
    'PAPER 4.2',
    [readers, 'else this.#alarm ??= after', 'else if (false) after'],
    reads('the row goes by itself'),
  ),
  mutant('what was read waits for company, however much it is', '4.3', [readers, 'if (this.#bytes > mostBytes)', 'if (false)'], reads('much that was read')),
  mutant(
    'a shutdown forgets what was read',
    '4.8',
    ['core/shutdown.js', 'kept.then(() => readers.recorded()).then(() => journal.idle())', 'kept.then(() => journal.idle())'],
    reads('a shutdown writes the rows'),
  ),
  mutant(
    'a list does not show what its process has read',
    'PAPER 4.2',
    ['core/workflows/listing.js', 'await readers.shown();', ''],
    reads('the value is told before the row is written'),
  ),
  mutant(
    'a handle does not find what its process has read',
    'PAPER 4.2',
    ['core/workflows/handle.js', 'if (this.#ticket === undefined) await readers.shown();', ''],
    reads('its handle finds the row'),
  ),
  mutant(
    'the row of a direct read that is refused takes others with it',
    '4.3',
    [readers, 'if (mine.length > 1) return', 'if (false) return'],
    reads('a row that the database refuses'),
  ),
  mutant(
    'what a fenced executor has read is lost',
    'L8',
    [readers, 'return executor.id === id ? undefined : this.#record(mine);', 'return;'],
    reads('an executor that was fenced meanwhile'),
  ),
];
