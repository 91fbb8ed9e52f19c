import type { DecodedSound } from './decodedSound';

const HEADER_BYTES = 64 * 1024;
const SEGMENT_BYTES = 4 * 1024 ** 2;
/** Larger files would take minutes to read. */
const MAX_BYTES = 3 * 1024 ** 3;

const PCM = 1;
const FLOAT = 3;
const EXTENSIBLE = 0xfffe;

interface WavFormat {
  encoding: number;
  channelCount: number;
  sampleRate: number;
  /** Bytes of one sample of all channels. */
  blockSize: number;
  bits: number;
  /** Offset and size of the samples, in bytes. */
  offset: number;
  size: number;
}

/** Open a WAV or RF64 file of PCM or float samples. Return undefined if it is another file. */
export async function openWav(file: Blob): Promise<DecodedSound | undefined> {
  if (file.size > MAX_BYTES) return undefined;
  const header = new DataView(await file.slice(0, HEADER_BYTES).arrayBuffer());
  const format = readHeader(header, file.size);
  const decode = format && decoderOf(format);
  if (!format || !decode) return undefined;
  const { channelCount, sampleRate, blockSize, offset, size } = format;
  const length = Math.floor(size / blockSize);
  async function* segments() {
    const step = Math.floor(SEGMENT_BYTES / blockSize) * blockSize;
    for (let at = offset; at < offset + length * blockSize; at += step) {
      const end = Math.min(at + step, offset + length * blockSize);
      const bytes = new DataView(await file.slice(at, end).arrayBuffer());
      yield channelsOf(bytes, format!, decode!);
    }
  }
  return { sampleRate, channelCount, length, segments: segments() };
}

const tagAt = (view: DataView, at: number) =>
  String.fromCharCode(...[0, 1, 2, 3].map((i) => view.getUint8(at + i)));

/** Find the chunks "fmt " and "data". */
export function readHeader(view: DataView, fileSize: number): WavFormat | undefined {
  if (view.byteLength < 44 || !/^(RIFF|RF64)$/.test(tagAt(view, 0))) return undefined;
  let format: Omit<WavFormat, 'offset' | 'size'> | undefined;
  for (let at = 12; at + 8 <= view.byteLength;) {
    const [tag, size] = [tagAt(view, at), view.getUint32(at + 4, true)];
    const content = at + 8;
    if (tag === 'data') {
      // A recorder that was cut off, and RF64, leave a size that cannot be true.
      return format && { ...format, offset: content, size: Math.min(size, fileSize - content) };
    }
    if (tag === 'fmt ' && content + 16 <= view.byteLength) {
      const encoding = view.getUint16(content, true);
      format = {
        encoding: encoding === EXTENSIBLE ? view.getUint16(content + 24, true) : encoding,
        channelCount: view.getUint16(content + 2, true),
        sampleRate: view.getUint32(content + 4, true),
        blockSize: view.getUint16(content + 12, true),
        bits: view.getUint16(content + 14, true),
      };
    }
    at = content + size + (size % 2);
  }
  return undefined;
}

type Decode = (view: DataView, at: number) => number;

function decoderOf({ encoding, bits, channelCount, blockSize }: WavFormat): Decode | undefined {
  if (!channelCount || blockSize !== (channelCount * bits) / 8) return undefined;
  if (encoding === FLOAT && bits === 32) return (view, at) => view.getFloat32(at, true);
  if (encoding !== PCM) return undefined;
  const decoders: Record<number, Decode> = {
    8: (view, at) => (view.getUint8(at) - 128) / 128,
    16: (view, at) => view.getInt16(at, true) / 32_768,
    24: (view, at) => ((view.getInt8(at + 2) << 16) | view.getUint16(at, true)) / 8_388_608,
    32: (view, at) => view.getInt32(at, true) / 2_147_483_648,
  };
  return decoders[bits];
}

function channelsOf(
  view: DataView,
  { channelCount, blockSize, bits }: WavFormat,
  decode: Decode,
): Float32Array[] {
  const length = Math.floor(view.byteLength / blockSize);
  return Array.from({ length: channelCount }, (_, channel) => {
    const samples = new Float32Array(length);
    let at = (channel * bits) / 8;
    for (let i = 0; i < length; i++, at += blockSize) samples[i] = decode(view, at);
    return samples;
  });
}
