/** A sound that is read piece by piece, because it does not fit into the memory. */
export interface SoundInPieces {
  sampleRate: number;
  channelCount: number;
  /** Samples of each channel. */
  length: number;
  /** The samples of all channels, one piece after the other. */
  pieces: AsyncIterable<Float32Array[]>;
}
