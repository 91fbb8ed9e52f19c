import { openMp3 } from './mp3Decoder';
import type { DecodedSound } from './decodedSound';
import { openWav } from './wavDecoder';
import { WaveformMeter, type Waveform } from './waveform';

/**
 * The reason why a file has no waveform: too much to decode at once, or no sound that browsers
 * know.
 */
export type DecodingProblem = 'too-long' | 'unreadable';

export class DecodingError extends Error {
  override name = 'DecodingError';
  constructor(readonly reason: DecodingProblem) {
    super(reason);
  }
}

/** Most sounds are decoded as a whole, and each minute takes about 20 MB of memory. */
const MAX_MINUTES_PER_GIGABYTE = 5;
/** Memory that is assumed if the browser does not report it. */
const DEFAULT_GIGABYTES = 4;
const MAX_BYTES = 256 * 1024 ** 2;
const SAMPLE_RATE = 44_100;

const decoded = new WeakMap<Blob, Promise<Waveform>>();

/**
 * Return the waveform of a file. Repeated calls decode it once.
 *
 * `duration` is the browser's estimate in seconds, or 0.
 *
 * @throws DecodingError if the file is too long or cannot be decoded.
 */
export function waveformOf(file: Blob, duration: number): Promise<Waveform> {
  const known = decoded.get(file) ?? decode(file, duration);
  decoded.set(file, known);
  return known;
}

async function decode(file: Blob, duration: number): Promise<Waveform> {
  try {
    const sound = isTooLong(file.size, duration) ? await open(file) : await decodeWhole(file);
    if (!sound) throw new DecodingError('too-long');
    const meter = new WaveformMeter(sound.sampleRate, sound.channelCount, sound.length);
    for await (const segment of sound.segments) await meter.add(segment);
    return meter.finish();
  } catch (error) {
    throw error instanceof DecodingError ? error : new DecodingError('unreadable');
  }
}

/** Open a long file to decode it in segments. Return undefined if its format does not allow it. */
const open = async (file: Blob): Promise<DecodedSound | undefined> =>
  (await openWav(file)) ?? (await openMp3(file, decodeAudio, SAMPLE_RATE));

async function decodeWhole(file: Blob): Promise<DecodedSound> {
  const sound = await decodeAudio(await file.arrayBuffer());
  const { sampleRate, numberOfChannels: channelCount, length } = sound;
  async function* segments() {
    yield Array.from({ length: channelCount }, (_, i) => sound.getChannelData(i));
  }
  return { sampleRate, channelCount, length, segments: segments() };
}

/** Decode by a context that plays nothing. */
const decodeAudio = (bytes: ArrayBuffer): Promise<AudioBuffer> =>
  new OfflineAudioContext(1, 1, SAMPLE_RATE).decodeAudioData(bytes);

export function isTooLong(size: number, duration: number): boolean {
  const { deviceMemory = DEFAULT_GIGABYTES } = navigator as { deviceMemory?: number };
  return size > MAX_BYTES || duration > deviceMemory * MAX_MINUTES_PER_GIGABYTE * 60;
}
