/** The process that is killed: `Victims` starts it with the address of a scenario's module, ahead of time, and gives it one task. */
import { writeSync } from 'node:fs';
import { standardOutput } from '../crashes/task.js';
import { childSide } from '../faults/child-side.js';
import { Life, type LifeTask } from './life.js';
import { definitionIn } from './scenario.js';
import type { LastWord } from './victims.js';

const side = childSide();
const definition = await definitionIn(new URL(process.argv[2] ?? ''));
side.onMessage((message) => void live(message as LifeTask));
side.ready();

async function live(task: LifeTask): Promise<void> {
  const life = await Life.begin(definition, task, {
    die: (died, { answer, offsetMs }) => {
      const word: LastWord = { died, answer: answer ?? null, offsetMs };
      writeSync(standardOutput, `${JSON.stringify(word)}\n`);
      process.kill(process.pid, 'SIGKILL');
    },
  });
  const end = await life.live();
  await life.end();
  await side.result(end);
  side.leave();
}
