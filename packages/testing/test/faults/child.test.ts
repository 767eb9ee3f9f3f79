import { Child, processAlive, stopProcess, threadStates, until } from '@apiary/testing/internal';
import { expect } from 'chai';
import { failure, pending } from './support/server.js';

const module = new URL('./support/calling-child.js', import.meta.url);
const spawn = (...args: readonly string[]): Promise<Child> => Child.spawn(module, { args });

describe('a child process', () => {
  it('is ready, waits at points until it may go on, and gives its result', async () => {
    await using child = await spawn('points');
    expect(await child.ready).to.deep.equal({ pid: child.pid, mode: 'points' });
    const first = await child.point('first');
    expect(first.detail).to.deep.equal({ n: 1 });
    const second = child.point('second');
    expect(await pending(second)).to.equal(true);
    first.continue();
    (await second).continue();
    expect(await child.result).to.equal('done');
    expect(await child.exited).to.deep.equal({ code: 0, signal: null });
  });

  it('takes messages', async () => {
    await using child = await spawn('echo');
    await child.ready;
    child.send({ list: [1, 2n, new Date(0)] });
    expect(await child.result).to.deep.equal({ list: [1, 2n, new Date(0)] });
  });

  it('tells why it ended to everybody who waits for it', async () => {
    await using child = await spawn('throw');
    const error = await failure(child.point('never'));
    expect(error.message).to.contain('exit code 1').and.to.contain('the child broke');
    expect((await failure(child.result)).message).to.contain('the child broke');
    expect((await failure(child.point('later'))).message).to.contain('exit code 1');
  });

  it('is reaped when it is killed', async () => {
    const child = await spawn('points');
    await child.point('first');
    expect(await child.kill()).to.deep.equal({ code: null, signal: 'SIGKILL' });
    expect(threadStates(child.pid)).to.deep.equal([]);
  });

  it('ends when its parent is killed', async () => {
    const parent = await Child.spawn(new URL('./support/parent-child.js', import.meta.url));
    const { detail } = await parent.point('has a child');
    const grandchild = detail as number;
    expect(processAlive(grandchild)).to.equal(true);
    await parent.kill();
    await until('the grandchild is gone', () => !processAlive(grandchild));
  });
});

describe('a stopped process', () => {
  it('does nothing at all until it goes on', async () => {
    await using child = await spawn('count');
    await child.ready;
    const ask = async (): Promise<number> => {
      child.send('count');
      const point = await child.point('counted');
      point.continue();
      return point.detail as number;
    };
    await until('it counts', async () => (await ask()) > 2);
    const stopped = await stopProcess(child.pid);
    expect(stopped.states.length).to.be.greaterThan(0);
    expect(new Set(stopped.states)).to.deep.equal(new Set(['T']));
    expect(processAlive(child.pid)).to.equal(true);
    child.send('count');
    const answer = child.point('counted');
    expect(await pending(answer)).to.equal(true);
    expect(new Set(threadStates(child.pid))).to.deep.equal(new Set(['T']));
    await stopped.continue();
    (await answer).continue();
  });

  it('cannot be made of a process that is not there', async () => {
    const child = await spawn('points');
    await child.kill();
    expect((await failure(stopProcess(child.pid))).code).to.equal('ESRCH');
  });
});
