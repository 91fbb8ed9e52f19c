import type { Waveform } from './waveform';

const BAR_WIDTH = 2;
const BAR_DISTANCE = 3;

export interface BarOptions {
  /** The times at the left and at the right side, in seconds. */
  from: number;
  to: number;
  width: number;
  height: number;
  /** The level that takes the full height. */
  scale: number;
  /** Returns a factor between 0 and 1 for a time. */
  gainAt?: (time: number) => number;
}

/** Return the shape of a waveform: one bar every three pixels, around the middle line. */
export function barsPath(
  { duration }: Waveform,
  values: Float32Array,
  { from, to, width, height, scale, gainAt = () => 1 }: BarOptions,
): string {
  const count = Math.floor(width / BAR_DISTANCE);
  const timeOf = (bar: number) => from + (bar / count) * (to - from);
  const indexOf = (time: number) => Math.floor((time / duration) * values.length);
  let path = '';
  for (let bar = 0; bar < count; bar++) {
    const first = indexOf(timeOf(bar));
    const value = largest(values, first, Math.max(first + 1, indexOf(timeOf(bar + 1))));
    const size = Math.min(1, (value / scale) * gainAt(timeOf(bar + 0.5)));
    const half = Math.max(0.5, (size * height) / 2).toFixed(1);
    const x = bar * BAR_DISTANCE;
    path += `M${x} ${height / 2}m0-${half}h${BAR_WIDTH}v${Number(half) * 2}h-${BAR_WIDTH}z`;
  }
  return path;
}

/** Return the highest peak, but at least 0.1, so that noise is not drawn as tall as music. */
export const scaleOf = (...waveforms: (Waveform | undefined)[]) =>
  Math.max(0.1, ...waveforms.map((each) => (each ? largest(each.peaks, 0, Infinity) : 0)));

function largest(values: Float32Array, from: number, to: number): number {
  let found = 0;
  for (let i = Math.max(0, from); i < Math.min(to, values.length); i++) {
    if (values[i]! > found) found = values[i]!;
  }
  return found;
}
