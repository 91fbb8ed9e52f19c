/** The samples of a sound. Long ones are decoded in segments, as they do not fit into memory. */
export interface DecodedSound {
  sampleRate: number;
  channelCount: number;
  /** Number of samples of each channel. */
  length: number;
  /** The samples of each channel, one segment after the other. */
  segments: AsyncIterable<Float32Array[]>;
}
