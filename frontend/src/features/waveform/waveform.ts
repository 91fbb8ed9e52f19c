import { integratedLoudness, LoudnessMeter, STEP_SECONDS } from './loudness';

/**
 * The measurements of a sound from which it is drawn. Peaks and levels lie between 0 and 1 and
 * cover equal times.
 */
export interface Waveform {
  /** Seconds. */
  duration: number;
  /** The largest sample of each time. */
  peaks: Float32Array;
  /** The root mean square of each time. */
  levels: Float32Array;
  /** Weighted mean square of each step of 0.1 s, from which loudness is computed. */
  steps: number[];
}

const MIN_BINS = 2_000;
const BINS_PER_SECOND = 50;
/** Time after which the page gets a turn, so that it never hangs. */
const MAX_BLOCK_MS = 12;

const nextTurn = () => new Promise<void>((resolve) => setTimeout(resolve));

/** Measure a sound of which the number of samples is known, block by block. */
export class WaveformMeter {
  private readonly peaks: Float32Array;
  private readonly levels: Float32Array;
  private readonly loudness: LoudnessMeter;
  /** Samples that were measured. */
  private position = 0;
  /** The sums of squares of the current bin, by channel. */
  private energies: Float64Array;
  private turnStarted = performance.now();

  constructor(
    private readonly sampleRate: number,
    channelCount: number,
    private readonly length: number,
  ) {
    const wanted = Math.max(MIN_BINS, Math.ceil((length / sampleRate) * BINS_PER_SECOND));
    const count = Math.min(length, wanted);
    this.peaks = new Float32Array(count);
    this.levels = new Float32Array(count);
    this.energies = new Float64Array(channelCount);
    this.loudness = new LoudnessMeter(sampleRate, channelCount);
  }

  /** Measure the next samples of all channels. The page stays usable meanwhile. */
  async add(channels: Float32Array[]): Promise<void> {
    const offset = this.position;
    const end = Math.min(this.length, offset + (channels[0]?.length ?? 0));
    while (this.position < end) {
      const bin = this.binAt(this.position);
      const to = Math.min(end, this.endOf(bin));
      this.measure(channels, bin, this.position - offset, to - offset);
      this.loudness.add(channels, this.position - offset, to - offset);
      this.position = to;
      if (to === this.endOf(bin)) this.finishBin(bin);
      if (performance.now() - this.turnStarted > MAX_BLOCK_MS) {
        await nextTurn();
        this.turnStarted = performance.now();
      }
    }
  }

  finish(): Waveform {
    const { peaks, levels } = this;
    return { duration: this.length / this.sampleRate, peaks, levels, steps: this.loudness.steps };
  }

  private endOf(bin: number): number {
    return Math.floor(((bin + 1) * this.length) / this.peaks.length);
  }

  private binAt(position: number): number {
    const bin = Math.floor((position * this.peaks.length) / this.length);
    return position < this.endOf(bin) ? bin : bin + 1;
  }

  private measure(channels: Float32Array[], bin: number, from: number, to: number): void {
    let peak = this.peaks[bin]!;
    channels.forEach((samples, channel) => {
      let sum = 0;
      for (let i = from; i < to; i++) {
        const sample = samples[i]!;
        const size = sample < 0 ? -sample : sample;
        if (size > peak) peak = size;
        sum += sample * sample;
      }
      this.energies[channel]! += sum;
    });
    this.peaks[bin] = Math.min(1, peak);
  }

  private finishBin(bin: number): void {
    const size = this.endOf(bin) - (bin ? this.endOf(bin - 1) : 0);
    this.levels[bin] = Math.min(1, Math.sqrt(Math.max(...this.energies) / size));
    this.energies.fill(0);
  }
}

/** Return the integrated loudness of a time range in LUFS, undefined for too little sound. */
export const loudnessOf = ({ steps }: Waveform, from: number, to: number) =>
  integratedLoudness(steps.slice(Math.round(from / STEP_SECONDS), Math.round(to / STEP_SECONDS)));
