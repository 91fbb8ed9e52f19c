/** Seconds of a step. Four steps are one block, as BS.1770 has it: 400 ms that overlap by 75 %. */
export const STEP_SECONDS = 0.1;
const STEPS_PER_BLOCK = 4;
/** Blocks below this are silence, in LUFS. */
const ABSOLUTE_GATE = -70;
/** Blocks this far below the average count as pauses, in LU. */
const RELATIVE_GATE = -10;
/** Factors of the channels L, R, C, LFE, Ls, Rs. */
const CHANNEL_WEIGHTS = [1, 1, 1, 0, 1.41, 1.41];

/** Coefficients of a biquad filter; a0 is 1. */
type Biquad = [b0: number, b1: number, b2: number, a1: number, a2: number];

/**
 * Measure integrated loudness by ITU-R BS.1770-4: K-weighting, and two gates.
 *
 * The filters for other rates than 48 kHz are derived as in libebur128.
 */
export class LoudnessMeter {
  private readonly filters: { weight: number; stages: FilterStage[] }[];
  private readonly stepLength: number;
  /** Weighted mean square of each step of 0.1 s, from which loudness is computed. */
  readonly steps: number[] = [];
  private energy = 0;
  private filled = 0;

  constructor(sampleRate: number, channelCount: number) {
    this.stepLength = Math.round(sampleRate * STEP_SECONDS);
    this.filters = Array.from({ length: channelCount }, (_, i) => ({
      weight: channelCount > 2 ? (CHANNEL_WEIGHTS[i] ?? 1.41) : 1,
      stages: [new FilterStage(shelf(sampleRate)), new FilterStage(highPass(sampleRate))],
    }));
  }

  /** Add the samples of all channels from index `from` up to `to`. */
  add(channels: Float32Array[], from: number, to: number): void {
    for (let begin = from; begin < to;) {
      const end = Math.min(to, begin + this.stepLength - this.filled);
      channels.forEach((samples, i) => {
        const { weight, stages } = this.filters[i]!;
        if (weight) this.energy += weight * energyOf(samples, begin, end, stages);
      });
      this.filled += end - begin;
      begin = end;
      if (this.filled === this.stepLength) this.finishStep();
    }
  }

  private finishStep(): void {
    this.steps.push(this.energy / this.stepLength);
    this.energy = 0;
    this.filled = 0;
  }
}

/** Return the loudness of steps in LUFS, or undefined if there is too little sound. */
export function integratedLoudness(steps: number[]): number | undefined {
  const blocks = steps
    .slice(STEPS_PER_BLOCK - 1)
    .map((_, i) => mean(steps.slice(i, i + STEPS_PER_BLOCK)));
  const audible = blocks.filter((block) => toLufs(block) > ABSOLUTE_GATE);
  if (audible.length === 0) return undefined;
  const gate = toLufs(mean(audible)) + RELATIVE_GATE;
  return toLufs(mean(audible.filter((block) => toLufs(block) > gate)));
}

const mean = (values: number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
const toLufs = (meanSquare: number) => -0.691 + 10 * Math.log10(meanSquare);

/** One biquad filter and its state (transposed direct form II). */
class FilterStage {
  state1 = 0;
  state2 = 0;
  constructor(readonly biquad: Biquad) {}
}

/** Filter samples by two stages. Return the sum of their squares. */
function energyOf(samples: Float32Array, from: number, to: number, stages: FilterStage[]): number {
  const [first, second] = stages as [FilterStage, FilterStage];
  const [b0, b1, b2, a1, a2] = first.biquad;
  const [c0, c1, c2, d1, d2] = second.biquad;
  let { state1: s1, state2: s2 } = first;
  let { state1: r1, state2: r2 } = second;
  let sum = 0;
  for (let i = from; i < to; i++) {
    const x = samples[i]!;
    const y = b0 * x + s1;
    s1 = b1 * x - a1 * y + s2;
    s2 = b2 * x - a2 * y;
    const z = c0 * y + r1;
    r1 = c1 * y - d1 * z + r2;
    r2 = c2 * y - d2 * z;
    sum += z * z;
  }
  Object.assign(first, { state1: s1, state2: s2 });
  Object.assign(second, { state1: r1, state2: r2 });
  return sum;
}

/** Return the shelving filter, which stands for the effect of the head. */
function shelf(sampleRate: number): Biquad {
  const k = Math.tan((Math.PI * 1681.974450955533) / sampleRate);
  const q = 0.7071752369554196;
  const vh = 10 ** (3.999843853973347 / 20);
  const vb = vh ** 0.4996667741545416;
  const a0 = 1 + k / q + k * k;
  return [
    (vh + (vb * k) / q + k * k) / a0,
    (2 * (k * k - vh)) / a0,
    (vh - (vb * k) / q + k * k) / a0,
    (2 * (k * k - 1)) / a0,
    (1 - k / q + k * k) / a0,
  ];
}

/** Return the high-pass filter, which stands for hearing less of low sounds. */
function highPass(sampleRate: number): Biquad {
  const k = Math.tan((Math.PI * 38.13547087602444) / sampleRate);
  const q = 0.5003270373238773;
  const a0 = 1 + k / q + k * k;
  return [1, -2, 1, (2 * (k * k - 1)) / a0, (1 - k / q + k * k) / a0];
}
