/** A bar on a terminal, plain lines elsewhere. */
import { SingleBar, Presets } from 'cli-progress';
import type { Kill } from './client/killer.js';

export interface Progress {
  settled(count: number): void;
  killed(kill: Kill): void;
  stop(): void;
}

export function progressOf(total: number, out: NodeJS.WriteStream): Progress {
  return out.isTTY ? bar(total, out) : lines(total, out);
}

function bar(total: number, out: NodeJS.WriteStream): Progress {
  let kills = 0;
  let last = '';
  const shown = new SingleBar(
    { format: '{bar} {value}/{total} bookings  {eta_formatted} left  {kills}', hideCursor: true, fps: 10, etaBuffer: 500, stream: out, gracefulExit: false },
    Presets.shades_classic,
  );
  shown.start(total, 0, { kills: last });
  return {
    settled: (count) => shown.update(count, { kills: last }),
    killed: ({ pid }) => {
      last = `${++kills} killed, last worker ${pid}`;
    },
    stop: () => shown.isActive && shown.stop(),
  };
}

function lines(total: number, out: NodeJS.WritableStream): Progress {
  let tenth = 0;
  return {
    settled: (count) => {
      if (Math.floor((count * 10) / total) <= tenth) return;
      tenth = Math.floor((count * 10) / total);
      out.write(`${count}/${total} bookings\n`);
    },
    killed: ({ pid, at, underWay }) => out.write(`killed worker ${pid} with SIGKILL at ${at} bookings, ${underWay} under way\n`),
    stop: () => {},
  };
}
