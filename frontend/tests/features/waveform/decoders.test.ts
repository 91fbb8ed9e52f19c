import { describe, expect, it } from 'vitest';
import { findFrames, openMp3 } from '../../../src/features/waveform/mp3Decoder';
import { openWav } from '../../../src/features/waveform/wavDecoder';

interface WavOptions {
  encoding?: number;
  bits?: number;
  channels?: number;
  dataSize?: number;
  subformat?: number;
  riff?: string;
}

/** Return a WAV file with a chunk of text before its samples. */
function aWav(samples: number[], options: WavOptions = {}): Blob {
  const { encoding = 1, bits = 16, channels = 1, subformat, riff = 'RIFF' } = options;
  const bytes = (bits / 8) * samples.length;
  const view = new DataView(new ArrayBuffer(12 + 8 + 40 + 8 + 4 + 8 + bytes));
  const text = (at: number, value: string) =>
    [...value].forEach((letter, i) => view.setUint8(at + i, letter.charCodeAt(0)));
  text(0, riff);
  text(8, 'WAVEfmt ');
  view.setUint32(16, 40, true);
  view.setUint16(20, encoding, true);
  view.setUint16(22, channels, true);
  view.setUint32(24, 48_000, true);
  view.setUint16(32, (channels * bits) / 8, true);
  view.setUint16(34, bits, true);
  view.setUint16(44, subformat ?? 0, true);
  text(60, 'LIST');
  view.setUint32(64, 3, true);
  text(72, 'data');
  view.setUint32(76, options.dataSize ?? bytes, true);
  samples.forEach((sample, i) => {
    const at = 80 + (i * bits) / 8;
    if (encoding === 3) return view.setFloat32(at, sample, true);
    const value = bits === 8 ? sample * 128 + 128 : sample * 2 ** (bits - 1);
    for (let byte = 0; byte < bits / 8; byte++) view.setUint8(at + byte, value >> (8 * byte));
  });
  return new Blob([view.buffer]);
}

async function read(file: Blob): Promise<number[][] | undefined> {
  const sound = await openWav(file);
  if (!sound) return undefined;
  const channels: number[][] = Array.from({ length: sound.channelCount }, () => []);
  for await (const segment of sound.segments)
    segment.forEach((each, i) => channels[i]!.push(...each));
  expect(channels[0]).toHaveLength(sound.length);
  return channels;
}

describe('a WAV file', () => {
  it.each<WavOptions>([
    { bits: 8 },
    { bits: 16 },
    { bits: 24 },
    { bits: 32 },
    { bits: 32, encoding: 3 },
    { bits: 24, encoding: 0xfffe, subformat: 1 },
  ])('is read sample by sample: %o', async (options) => {
    const samples = [0, 0.5, -0.5, -1, 0.25, -0.25];
    expect(await read(aWav(samples, options))).toEqual([samples]);
    const stereo = await read(aWav(samples, { ...options, channels: 2 }));
    expect(stereo).toEqual([
      [0, -0.5, 0.25],
      [0.5, -1, -0.25],
    ]);
  });

  it('is read to its end if its size is not true, as in streams and RF64', async () => {
    const options = { dataSize: 0xffffffff, riff: 'RF64' };
    expect(await read(aWav([0.5, -0.5], options))).toEqual([[0.5, -0.5]]);
  });

  it('of other codecs is left to the browser, and so are other files', async () => {
    expect(await read(aWav([0.5], { encoding: 2 }))).toBeUndefined();
    expect(await read(new Blob(['These are words, not music. '.repeat(9)]))).toBeUndefined();
    expect(await read(new Blob(['RIFF']))).toBeUndefined();
  });

  it('of several megabytes arrives in segments', async () => {
    const samples = new Array<number>(2_200_000).fill(0);
    samples[2_199_999] = 0.5;
    const sound = (await openWav(aWav(samples)))!;
    const segments: Float32Array[][] = [];
    for await (const segment of sound.segments) segments.push(segment);
    expect(segments.length).toBe(2);
    expect(segments[1]![0]!.at(-1)).toBe(0.5);
  });
});

/** 128 kbit/s at 44.1 kHz. With padding, a frame has 418 bytes instead of 417. */
const frame = (isPadded: boolean) => {
  const bytes = new Uint8Array(isPadded ? 418 : 417).fill(0xaa);
  bytes.set([0xff, 0xfb, isPadded ? 0x92 : 0x90, 0x00]);
  return bytes;
};
const anMp3 = (count: number, ...before: Uint8Array[]) => [
  ...before,
  ...Array.from({ length: count }, (_, i) => frame(i % 3 === 0)),
];
const bytesOf = async (parts: Uint8Array[]) =>
  new Uint8Array(await new Blob(parts as BlobPart[]).arrayBuffer());

describe('an MP3 file', () => {
  it('is cut between its frames, behind a tag and bytes that only look like one', async () => {
    const tag = new Uint8Array(10 + 300);
    tag.set([0x49, 0x44, 0x33, 4, 0, 0, 0, 0, 2, 44]);
    const stray = Uint8Array.of(0xff, 0xfb, 0x90, 0, 1, 2, 3);
    const frames = findFrames(await bytesOf(anMp3(30, tag, stray)))!;
    expect(frames).toMatchObject({ sampleRate: 44_100, samplesPerFrame: 1_152 });
    expect(frames.offsets.slice(0, 3)).toEqual([317, 735, 1_152]);
    expect(frames.offsets).toHaveLength(31);
  });

  it('goes on behind damage, and ends before other tags', async () => {
    const [damage, tag] = [new Uint8Array(99).fill(7), new Uint8Array(128).fill(0x54)];
    const bytes = await bytesOf([...anMp3(30), damage, ...anMp3(30), tag]);
    const { offsets } = findFrames(bytes)!;
    expect(offsets).toHaveLength(61);
    expect(offsets[30]! - offsets[29]!).toBe(417 + 99);
    expect(offsets.at(-1)).toBe(bytes.length - 128);
  });

  it('is not seen in other files', async () => {
    expect(findFrames(await bytesOf(anMp3(5)))).toBeUndefined();
    expect(findFrames(new Uint8Array(5_000).fill(0xff))).toBeUndefined();
  });

  it('is decoded in segments that keep their time', async () => {
    const decoded: number[] = [];
    const decode = async (bytes: ArrayBuffer) => {
      // A decoder that leaves out its first 1105 samples, as with an encoder's delay.
      const frameCount = Math.round(bytes.byteLength / 417.33);
      const samples = new Float32Array(frameCount * 1_152 - 1_105).fill(0.5);
      decoded.push(frameCount);
      return { numberOfChannels: 1, getChannelData: () => samples } as unknown as AudioBuffer;
    };
    const file = new Blob(anMp3(9_000) as BlobPart[]);
    const sound = (await openMp3(file, decode, 44_100))!;
    const lengths: number[] = [];
    let isSilentAtFirst = false;
    for await (const [samples] of sound.segments) {
      if (!lengths.length) isSilentAtFirst = samples![1_104] === 0 && samples![1_105] === 0.5;
      lengths.push(samples!.length);
    }
    expect(decoded).toEqual([4_000, 4_010, 1_010]);
    expect(lengths).toEqual([4_000 * 1_152, 4_000 * 1_152, 1_000 * 1_152]);
    expect(sound.length).toBe(9_000 * 1_152);
    expect(isSilentAtFirst).toBe(true);
  });
});
