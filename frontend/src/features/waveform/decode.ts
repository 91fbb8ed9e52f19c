import { WaveformMeter, type Waveform } from './waveform';

/** Why a file has no waveform: too much to decode at once, or no sound that the browser knows. */
export type DecodingProblem = 'too-long' | 'unreadable';

export class DecodingError extends Error {
  override name = 'DecodingError';
  constructor(readonly reason: DecodingProblem) {
    super(reason);
  }
}

/** Sounds are decoded as a whole, and each minute takes about 20 MB of memory. */
const MAX_MINUTES_PER_GIGABYTE = 5;
/** What browsers that do not tell their memory are taken to have. */
const DEFAULT_GIGABYTES = 4;
const MAX_BYTES = 256 * 1024 ** 2;
const SAMPLE_RATE = 44_100;

const decoded = new WeakMap<Blob, Promise<Waveform>>();

/**
 * Return the waveform of a file. It is decoded once, whoever asks.
 *
 * `duration` is its length in seconds, as the browser tells it before decoding, or 0.
 *
 * @throws DecodingError if the file is too long or cannot be decoded.
 */
export function waveformOf(file: Blob, duration: number): Promise<Waveform> {
  const known = decoded.get(file) ?? decode(file, duration);
  decoded.set(file, known);
  return known;
}

async function decode(file: Blob, duration: number): Promise<Waveform> {
  if (isTooLong(file.size, duration)) throw new DecodingError('too-long');
  try {
    // Nothing is played by this context. It only knows how to decode.
    const context = new OfflineAudioContext(1, 1, SAMPLE_RATE);
    const sound = await context.decodeAudioData(await file.arrayBuffer());
    const { sampleRate, numberOfChannels, length } = sound;
    const meter = new WaveformMeter(sampleRate, numberOfChannels, length);
    await meter.add(Array.from({ length: numberOfChannels }, (_, i) => sound.getChannelData(i)));
    return meter.finish();
  } catch {
    throw new DecodingError('unreadable');
  }
}

export function isTooLong(size: number, duration: number): boolean {
  const { deviceMemory = DEFAULT_GIGABYTES } = navigator as { deviceMemory?: number };
  return size > MAX_BYTES || duration > deviceMemory * MAX_MINUTES_PER_GIGABYTE * 60;
}
