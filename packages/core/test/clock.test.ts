import { after, Clock, monotonic } from '@apiary/core/internal';
import { expect } from 'chai';

const day = 86_400_000;

/** Runs with a setTimeout that records its waits; fires them when told. */
function withTimers(test: (timers: { readonly waits: () => number[]; readonly fire: () => void; readonly unrefed: () => number }) => void): void {
  const [set, clear] = [globalThis.setTimeout, globalThis.clearTimeout];
  interface Entry {
    readonly run: () => void;
    readonly ms: number;
    refed: boolean;
    unref(): Entry;
  }
  const entries = new Set<Entry>();
  globalThis.setTimeout = ((run: () => void, ms: number) => {
    const entry: Entry = {
      run,
      ms,
      refed: true,
      unref() {
        entry.refed = false;
        return entry;
      },
    };
    entries.add(entry);
    return entry;
  }) as never;
  globalThis.clearTimeout = ((entry: Entry) => entries.delete(entry)) as never;
  try {
    test({
      waits: () => [...entries].map((e) => e.ms),
      unrefed: () => [...entries].filter((e) => !e.refed).length,
      fire: () => {
        const armed = [...entries];
        for (const entry of armed) {
          entries.delete(entry);
          entry.run();
        }
      },
    });
  } finally {
    globalThis.setTimeout = set;
    globalThis.clearTimeout = clear;
  }
}

describe('the clock', () => {
  it("is this machine's before it knows the database's", () => {
    const [before, now] = [Date.now(), new Clock().now()];
    expect(now).within(before - 2, Date.now() + 2);
    expect(Number.isInteger(now)).equal(true);
  });

  it("follows the database after that, whatever this machine's clock does", () => {
    const clock = new Clock();
    const sent = monotonic();
    clock.synchronise(5_000_000, sent, sent);
    const real = Date.now;
    try {
      Date.now = () => real() + 10 * day;
      const first = clock.now();
      Date.now = () => real() - 10 * day;
      expect(first).within(5_000_000, 5_005_000);
      expect(clock.now()).within(first, first + 5000);
    } finally {
      Date.now = real;
    }
  });

  it("takes the database's answer for the middle of its way", () => {
    const clock = new Clock();
    const sent = monotonic() - 1000;
    clock.synchronise(1_000_000, sent, sent + 1000);
    expect(clock.now()).within(1_000_500, 1_000_600);
  });

  it('keeps what it knows when a slow answer says nothing new, and believes one that contradicts', () => {
    const clock = new Clock();
    const now = monotonic();
    clock.synchronise(1_000_000, now, now);
    clock.synchronise(1_000_400, now, now + 1000); // the middle would be 100 ms earlier
    expect(clock.now()).within(1_000_000, 1_000_050);
    clock.synchronise(2_000_000, now, now + 1000);
    expect(clock.now()).within(1_999_500, 1_999_600);
  });

  it('adds the offset to its time, not to the monotonic one', () => {
    const clock = new Clock();
    const before = clock.now();
    clock.offsetMs = 3 * day;
    expect(clock.now()).within(before + 3 * day, before + 3 * day + 1000);
    expect(clock.monotonic()).within(monotonic() - 1000, monotonic());
  });
});

describe('timers', () => {
  it('fire once, not before they are due', async () => {
    const clock = new Clock();
    const due = clock.now() + 30;
    let fired = 0;
    await new Promise<void>((resolve) =>
      clock.setTimer(
        due,
        () => {
          fired++;
          resolve();
        },
        { keepsAlive: true },
      ),
    );
    expect(clock.now()).least(due);
    expect([fired, clock.pending()]).deep.equal([1, []]);
  });

  it('wait longer than setTimeout can', () => {
    withTimers(({ waits, fire }) => {
      const clock = new Clock();
      let fired = 0;
      clock.setTimer(clock.now() + 100 * day, () => fired++);
      expect(waits()).deep.equal([2 ** 31 - 1]);
      fire();
      expect([fired, waits().length]).deep.equal([0, 1]);
    });
  });

  it('fire when the offset moves past them, and not when it does not', () => {
    withTimers(({ waits, fire }) => {
      const clock = new Clock();
      const fired: string[] = [];
      const now = clock.now();
      clock.setTimer(now + 2 * day, () => fired.push('two'));
      clock.setTimer(now + day, () => fired.push('one'));
      expect(clock.pending().map((t) => t.dueMs)).deep.equal([now + day, now + 2 * day]);
      clock.offsetMs = day + 1;
      expect(waits()).to.have.lengthOf(2);
      expect(Math.min(...waits())).equal(0);
      fire();
      expect(fired).deep.equal(['one']);
      clock.offsetMs = 2 * day + 1;
      fire();
      expect(fired).deep.equal(['one', 'two']);
      expect(waits()).deep.equal([]);
    });
  });

  it('follow the database when its time turns out to be another', () => {
    withTimers(({ waits }) => {
      const clock = new Clock();
      clock.setTimer(clock.now() + 3600_000, () => {});
      const at = monotonic();
      clock.synchronise(clock.now() + 3000_000, at, at);
      expect(waits()[0]).within(599_000, 600_100);
    });
  });

  it('that are cancelled never fire; cancelling twice does no harm', () => {
    withTimers(({ waits, fire }) => {
      const clock = new Clock();
      let fired = 0;
      const timer = clock.setTimer(clock.now(), () => fired++);
      timer.cancel();
      timer.cancel();
      clock.offsetMs = day;
      expect(waits()).deep.equal([]);
      fire();
      expect([fired, clock.pending()]).deep.equal([0, []]);
    });
  });

  it('that are due already fire soon, but never within the call', () => {
    withTimers(({ waits, fire }) => {
      const clock = new Clock();
      let fired = 0;
      clock.setTimer(clock.now() - day, () => fired++);
      expect([fired, waits()]).deep.equal([0, [0]]);
      fire();
      expect(fired).equal(1);
    });
  });

  it('keep the process alive only where asked to', () => {
    withTimers(({ unrefed, waits }) => {
      const clock = new Clock();
      clock.setTimer(clock.now() + day, () => {});
      clock.setTimer(clock.now() + day, () => {}, { keepsAlive: true });
      expect([unrefed(), waits().length]).deep.equal([1, 2]);
    });
  });

  it('end with the clock, later ones too', () => {
    withTimers(({ waits }) => {
      const clock = new Clock();
      clock.setTimer(clock.now() + day, () => {});
      clock.close();
      clock.setTimer(clock.now(), () => {}).cancel();
      clock.offsetMs = 5 * day;
      expect([waits(), clock.pending()]).deep.equal([[], []]);
    });
  });
});

describe('waits of the process', () => {
  it('are cut to what setTimeout takes, and ring once', () => {
    withTimers(({ waits, fire }) => {
      let rung = 0;
      after(60 * day, () => rung++);
      const longest = 2 ** 31 - 1;
      for (let left = 60 * day; left > 0; left -= longest) {
        expect([rung, waits()]).deep.equal([0, [Math.min(left, longest)]]);
        fire();
      }
      expect([rung, waits()]).deep.equal([1, []]);
    });
  });

  it('never ring if cancelled, or if they are infinite', () => {
    withTimers(({ waits, fire }) => {
      after(40 * day, () => expect.fail('rang')).cancel();
      after(Number.POSITIVE_INFINITY, () => expect.fail('rang'));
      const late = after(40 * day, () => expect.fail('rang'));
      fire();
      late.cancel();
      expect(waits()).deep.equal([]);
    });
  });
});
