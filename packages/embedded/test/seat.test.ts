import { expect } from 'chai';
import { readdir } from 'node:fs/promises';
import { dial, takeSeat } from '@apiary/embedded/internal';
import { cleanUp, freshFolder } from './support/project.js';

const nothing = async (): Promise<void> => {};

describe('the seat of the supervisor', () => {
  afterEach(cleanUp);

  it('goes to one of many that want it at once', async () => {
    const home = await freshFolder();
    const seats = await Promise.all(Array.from({ length: 12 }, () => takeSeat(home, (socket) => socket.destroy(), nothing)));
    const taken = seats.filter((seat) => seat !== undefined);
    expect(taken.length).to.equal(1);
    taken[0]?.server.close();
  });

  it('is free again when its holder is gone, under the next number, with no file left of the earlier ones', async () => {
    const home = await freshFolder();
    for (let number = 1; number <= 3; number++) {
      expect(await dial(home)).to.equal(undefined);
      const seat = await takeSeat(home, (socket) => socket.destroy(), nothing);
      expect(seat?.number).to.equal(number);
      expect(await readdir(home)).to.deep.equal([`control.${number}`]);
      const socket = await dial(home);
      expect(socket).not.to.equal(undefined);
      socket?.destroy();
      await new Promise((settle) => seat?.server.close(settle));
    }
  });
});
