import type { Measurement } from '../coordinator/measurement.js';
import { ratio } from './format.js';

const COLOURS = ['#57606a', '#a8b1bb', '#d4a017', '#e8b923', '#e8c468', '#f0dca0', '#b5651d', '#cd853f', '#8b4513', '#2f6f9f', '#5a9bd4', '#7a5195', '#3a7d44'];
const BAR = 16;
const GAP = 14;
const LEFT = 190;
const WIDTH = 860;
const LEGEND = 165;
const LEGENDS_A_LINE = Math.floor(WIDTH / LEGEND);

/** Bars of the ratios to the yardstick, grouped by workload and clients. The yardstick itself is the line at 1. */
export function chart(measurements: readonly Measurement[], yardstick: string): string {
  const engines = [...new Set(measurements.map((one) => one.engine))].filter((engine) => engine !== yardstick);
  const shown = measurements.filter((one) => one.engine !== yardstick);
  const longest = Math.max(1.2, ...shown.map((one) => one.ratio));
  const scale = (WIDTH - LEFT - 70) / longest;
  const parts: string[] = [];
  const head = 54 + 18 * Math.ceil(engines.length / LEGENDS_A_LINE);
  let y = head;
  for (const [title, group] of groups(shown)) {
    const top = y;
    for (const one of group) {
      const width = Math.max(1, one.ratio * scale);
      const colour = COLOURS[(engines.indexOf(one.engine) + 1) % COLOURS.length] ?? '#000';
      parts.push(rect(LEFT, y, width, BAR - 3, colour), text(LEFT + width + 6, y + 11, ratio(one.ratio), 'start', 11));
      y += BAR;
    }
    parts.push(text(LEFT - 10, (top + y) / 2 + 3, title, 'end', 12));
    y += GAP;
  }
  const one = LEFT + scale;
  const line = `<line x1="${one.toFixed(1)}" y1="${head - 12}" x2="${one.toFixed(1)}" y2="${y - GAP}" stroke="#57606a" stroke-dasharray="4 3"/>`;
  const legend = engines.map((engine, i) => {
    const [x, top] = [10 + (i % LEGENDS_A_LINE) * LEGEND, 34 + 18 * Math.floor(i / LEGENDS_A_LINE)];
    return rect(x, top, 12, 12, COLOURS[(i + 1) % COLOURS.length] ?? '#000') + text(x + 17, top + 10, engine, 'start', 12);
  });
  const body = [text(10, 22, `Operations a second, as a multiple of ${yardstick} (dashed line)`, 'start', 15), ...legend, line, ...parts].join('\n');
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${y}" width="${WIDTH}" height="${y}" font-family="system-ui, sans-serif">
<rect width="100%" height="100%" fill="#fff"/>
${body}
</svg>
`;
}

function groups(measurements: readonly Measurement[]): Map<string, Measurement[]> {
  const all = new Map<string, Measurement[]>();
  for (const one of measurements) {
    const title = `${one.workload}, ${one.clients} client${one.clients === 1 ? '' : 's'}`;
    all.set(title, [...(all.get(title) ?? []), one]);
  }
  return all;
}

const rect = (x: number, y: number, width: number, height: number, fill: string): string =>
  `<rect x="${x.toFixed(1)}" y="${y}" width="${width.toFixed(1)}" height="${height}" fill="${fill}"/>`;

const text = (x: number, y: number, content: string, anchor: 'start' | 'end', size: number): string =>
  `<text x="${x.toFixed(1)}" y="${y.toFixed(1)}" text-anchor="${anchor}" font-size="${size}" fill="#1f2328">${escape(content)}</text>`;

const escape = (value: string): string => value.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
