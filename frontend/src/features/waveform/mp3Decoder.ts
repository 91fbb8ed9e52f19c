import type { DecodedSound } from './decodedSound';

/** Frames that are decoded at once: 1.6 to 4.8 minutes, depending on the sample rate. */
const FRAMES_PER_SEGMENT = 4_000;
/** Frames before a segment that the decoder needs, because frames borrow bits from earlier ones. */
const LEAD_IN_FRAMES = 10;
const MAX_BYTES = 512 * 1024 ** 2;
/** Consecutive frames after which the bytes are taken for MP3. */
const MIN_FRAMES = 20;

/** Bitrates of layer III in kbit/s: of MPEG 1, and of MPEG 2 and 2.5. */
const BITRATES = [
  [0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320],
  [0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160],
] as const;
const SAMPLE_RATES = [44_100, 48_000, 32_000];

export interface Mp3Frames {
  sampleRate: number;
  samplesPerFrame: number;
  /** Offsets of all frames, and of the end of the last one. */
  offsets: number[];
}

type DecodeAudio = (bytes: ArrayBuffer) => Promise<AudioBuffer>;

/**
 * Open an MP3 file. Return undefined if it is another file.
 *
 * Segments are cut between frames and decoded by the browser, each with some frames before it.
 */
export async function openMp3(
  file: Blob,
  decode: DecodeAudio,
  decodedRate: number,
): Promise<DecodedSound | undefined> {
  if (file.size > MAX_BYTES) return undefined;
  const bytes = await file.arrayBuffer();
  const frames = findFrames(new Uint8Array(bytes));
  if (!frames) return undefined;
  const { sampleRate, samplesPerFrame, offsets } = frames;
  const count = offsets.length - 1;
  const lengthOf = (frameCount: number) =>
    Math.round((frameCount * samplesPerFrame * decodedRate) / sampleRate);
  const decodeFrames = async (first: number, last: number) => {
    const start = Math.max(0, first - LEAD_IN_FRAMES);
    const sound = await decode(bytes.slice(offsets[start]!, offsets[last]!));
    const wanted = lengthOf(last) - lengthOf(first);
    return Array.from({ length: sound.numberOfChannels }, (_, i) =>
      lastSamples(sound.getChannelData(i), wanted),
    );
  };
  const opening = await decodeFrames(0, Math.min(count, FRAMES_PER_SEGMENT));
  async function* segments() {
    yield opening;
    for (let first = FRAMES_PER_SEGMENT; first < count; first += FRAMES_PER_SEGMENT) {
      yield await decodeFrames(first, Math.min(count, first + FRAMES_PER_SEGMENT));
    }
  }
  return {
    sampleRate: decodedRate,
    channelCount: opening.length,
    length: lengthOf(count),
    segments: segments(),
  };
}

/** Return the last samples. What a decoder has left out at the beginning is silent. */
function lastSamples(samples: Float32Array, wanted: number): Float32Array {
  if (samples.length >= wanted) return samples.subarray(samples.length - wanted);
  const padded = new Float32Array(wanted);
  padded.set(samples, wanted - samples.length);
  return padded;
}

/** Find the frames of layer III from their headers. Return undefined if there are too few. */
export function findFrames(bytes: Uint8Array): Mp3Frames | undefined {
  const offsets: number[] = [];
  let at = endOfId3(bytes);
  let end = at;
  let first: FrameHeader | undefined;
  while (at + 4 <= bytes.length) {
    const header = headerAt(bytes, at);
    if (header && (!first || header.sampleRate === first.sampleRate)) {
      first ??= header;
      offsets.push(at);
      at = end = at + header.size;
    } else if (first && offsets.length < MIN_FRAMES) {
      // These bytes only looked like frames.
      at = offsets[0]! + 1;
      offsets.length = 0;
      first = undefined;
    } else {
      // There may be damage between frames, and other tags after the last one.
      at++;
    }
  }
  if (!first || offsets.length < MIN_FRAMES) return undefined;
  const { sampleRate, samplesPerFrame } = first;
  return { sampleRate, samplesPerFrame, offsets: [...offsets, Math.min(end, bytes.length)] };
}

interface FrameHeader {
  sampleRate: number;
  samplesPerFrame: number;
  /** Bytes of the frame. */
  size: number;
}

function headerAt(bytes: Uint8Array, at: number): FrameHeader | undefined {
  const [b0, b1, b2] = [bytes[at]!, bytes[at + 1]!, bytes[at + 2]!];
  const version = (b1 >> 3) & 3;
  const isLayer3 = b0 === 0xff && (b1 & 0xe0) === 0xe0 && ((b1 >> 1) & 3) === 1;
  if (!isLayer3 || version === 1) return undefined;
  const bitrate = BITRATES[version === 3 ? 0 : 1][b2 >> 4];
  const baseRate = SAMPLE_RATES[(b2 >> 2) & 3];
  if (!bitrate || !baseRate) return undefined;
  const sampleRate = baseRate / { 3: 1, 2: 2, 0: 4 }[version as 0 | 2 | 3];
  const samplesPerFrame = version === 3 ? 1_152 : 576;
  const size = Math.floor((samplesPerFrame * bitrate * 125) / sampleRate) + ((b2 >> 1) & 1);
  return { sampleRate, samplesPerFrame, size };
}

/** Return where an ID3v2 tag at the beginning ends. */
function endOfId3(bytes: Uint8Array): number {
  if (bytes.length < 10 || String.fromCharCode(...bytes.subarray(0, 3)) !== 'ID3') return 0;
  return bytes.subarray(6, 10).reduce((size, each) => size * 128 + (each & 0x7f), 0) + 10;
}
