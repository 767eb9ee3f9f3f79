import { ControlGroup, until } from '@apiary/testing/internal';
import { expect } from 'chai';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';

describe('a control group', function () {
  let group: ControlGroup;
  let child: ChildProcess;
  let ticks = 0;
  before(function () {
    const missing = ControlGroup.missing();
    if (missing === undefined) return;
    console.log(`      skipped: ${missing}`);
    this.skip();
  });
  beforeEach(async () => {
    const program = `const taken = []; process.stdin.on('data', () => { for (;;) taken.push(Buffer.alloc(1 << 20, 1)); }); setInterval(() => process.stdout.write('.'), 1)`;
    child = spawn(process.execPath, ['-e', program], { stdio: ['pipe', 'pipe', 'inherit'] });
    child.stdout?.on('data', (text: Buffer) => (ticks += text.length));
    await until('it ticks', () => ticks > 0);
    group = ControlGroup.make();
    group.add(child.pid as number);
  });
  afterEach(async () => {
    group.thaw();
    child.kill('SIGKILL');
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
    await until('it is empty', () => (group[Symbol.dispose](), true));
  });

  it('stands still while it is frozen, and goes on', async () => {
    await group.freeze();
    // What it had written before may be on its way still.
    await new Promise((resolve) => setTimeout(resolve, 50));
    const before = ticks;
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(ticks).equal(before);
    group.thaw();
    await until('it ticks again', () => ticks > before);
  });

  it('is killed by the kernel when it takes more memory than it may have', async () => {
    group.limitMemory(100 << 20);
    let kills = 0;
    const ended = once(child, 'exit');
    child.stdin?.write('take');
    const watch = setInterval(() => (kills = Math.max(kills, group.killedForMemory)), 1);
    const [, signal] = (await ended) as [number | null, string | null];
    clearInterval(watch);
    expect(signal).equal('SIGKILL');
    expect(Math.max(kills, group.killedForMemory)).equal(1);
  });

  it('gets its share of a processor and no more', async () => {
    group.limitCpu(0.01);
    await until('it has used it up', () => group.throttled > 0);
    group.limitCpu(undefined);
  });
});
