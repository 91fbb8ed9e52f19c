import { describe, expect, it } from 'vitest';
import { barsPath, scaleOf } from '../../../src/features/waveform/bars';
import { loudnessOf, WaveformMeter } from '../../../src/features/waveform/waveform';

const RATE = 48_000;

/** Measure channels as a whole, or in blocks of some samples. */
async function measure(channels: Float32Array[], rate = RATE, blockSize = Infinity) {
  const { length } = channels[0]!;
  const meter = new WaveformMeter(rate, channels.length, length);
  for (let from = 0; from < length; from += blockSize) {
    await meter.add(channels.map((each) => each.subarray(from, from + blockSize)));
  }
  return meter.finish();
}

const sine = (seconds: number, amplitude: number, hertz = 997, rate = RATE) =>
  Float32Array.from(
    { length: seconds * rate },
    (_, i) => amplitude * Math.sin((2 * Math.PI * hertz * i) / rate),
  );

/** One second, which can be repeated without a step. */
const second = sine(1, 1, 1000);

describe('the waveform of a sound', () => {
  it('has the peaks and levels of its loudest channel at the right times', async () => {
    const left = new Float32Array(RATE * 2);
    left.set(sine(1, 0.5), RATE);
    const { duration, peaks, levels } = await measure([left, new Float32Array(RATE * 2)]);
    expect(duration).toBe(2);
    expect(peaks.length).toBe(2000);
    expect(Math.max(...peaks.slice(0, 1000))).toBe(0);
    expect(Math.min(...peaks.slice(1000))).toBeGreaterThan(0.4);
    expect(levels[1500]).toBeCloseTo(0.5 / Math.SQRT2, 1);
  });

  it('is the same when the sound arrives in blocks', async () => {
    const channels = [sine(3, 0.5), sine(3, 0.25, 200)];
    const whole = await measure(channels);
    const inBlocks = await measure(channels, RATE, 1_001);
    expect(inBlocks.peaks).toEqual(whole.peaks);
    expect(inBlocks.levels).toEqual(whole.levels);
    expect(loudnessOf(inBlocks, 0, 3)).toBeCloseTo(loudnessOf(whole, 0, 3)!, 9);
  });

  it('is measured for a sound of a few samples, too', async () => {
    const { peaks, steps } = await measure([Float32Array.of(0.5, -1, 2)]);
    expect([...peaks]).toEqual([0.5, 1, 1]);
    expect(steps).toEqual([]);
  });
});

describe('the loudness', () => {
  // EBU Tech 3341, cases 1 and 2: a sine of −23 dBFS on both channels has −23 LUFS.
  it.each([
    [48_000, -23],
    [44_100, -33],
    [96_000, -23],
  ])('is that of EBU Tech 3341 at %i Hz and %i dB', async (rate, level) => {
    const channel = sine(20, 10 ** (level / 20), 1000, rate);
    const waveform = await measure([channel, channel], rate);
    expect(loudnessOf(waveform, 0, 20)).toBeCloseTo(level, 1);
  });

  it('leaves out pauses and what is much quieter than the rest', async () => {
    // As case 3 of EBU Tech 3341. Without the gate, the average would be below −25 LUFS.
    const channel = new Float32Array(RATE * 40).map((_, i) => second[i % second.length]!);
    const isLoud = (i: number) => i >= RATE * 10 && i < RATE * 30;
    for (let i = 0; i < channel.length; i++) channel[i]! *= 10 ** ((isLoud(i) ? -23 : -36) / 20);
    const waveform = await measure([channel, channel]);
    expect(loudnessOf(waveform, 0, 40)).toBeCloseTo(-23, 0);
    expect(loudnessOf(waveform, 12, 28)).toBeCloseTo(-23, 1);
    expect(loudnessOf(waveform, 1, 9)).toBeCloseTo(-36, 1);
  });

  it('is unknown for silence', async () => {
    const silence = new Float32Array(RATE * 2);
    expect(loudnessOf(await measure([silence]), 0, 2)).toBeUndefined();
  });
});

describe('the bars', () => {
  const values = Float32Array.of(0.1, 0.2, 0.4, 0.2);
  const waveform = { duration: 4, peaks: values, levels: values, steps: [] };
  const heights = (path: string) =>
    [...path.matchAll(/v([\d.]+)/g)].map((match) => Number(match[1]));

  it('stand every three pixels and are as high as the sound is loud', () => {
    const options = { from: 0, to: 4, width: 12, height: 100, scale: scaleOf(waveform) };
    expect(heights(barsPath(waveform, values, options))).toEqual([25, 50, 100, 50]);
  });

  it('show a piece, and its fades', () => {
    const options = { from: 2, to: 4, width: 6, height: 100, scale: 0.4 };
    const gainAt = (time: number) => (time < 3 ? 0.5 : 0);
    expect(heights(barsPath(waveform, values, { ...options, gainAt }))).toEqual([50, 1]);
  });

  it('show silence as a thin line, and do not blow it up', () => {
    const silence = { ...waveform, peaks: Float32Array.of(0.001, 0) };
    expect(scaleOf(silence, undefined)).toBe(0.1);
    const options = { from: 0, to: 4, width: 6, height: 100, scale: scaleOf(silence) };
    expect(heights(barsPath(silence, silence.peaks, options))).toEqual([1, 1]);
  });
});
