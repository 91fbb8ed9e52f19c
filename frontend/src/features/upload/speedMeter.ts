/** Span of the measurement: long enough to be steady, short enough to show a change. */
const WINDOW_MS = 6_000;

/** Measure the upload speed over the last seconds. */
export class SpeedMeter {
  private samples: { at: number; bytes: number }[] = [];

  /** Compute a speed only from a span of at least `minSpanMs`. */
  constructor(private readonly minSpanMs = 500) {}

  /**
   * Add a sample of the total number of sent bytes.
   *
   * A smaller total restarts the measurement: it means that a part is sent again.
   */
  add(at: number, bytes: number): void {
    const last = this.samples.at(-1);
    if (last && bytes < last.bytes) this.samples = [];
    this.samples.push({ at, bytes });
    while (this.samples.length > 2 && at - this.samples[0]!.at > WINDOW_MS) this.samples.shift();
  }

  get bytesPerSecond(): number | undefined {
    const first = this.samples[0];
    const last = this.samples.at(-1);
    if (!first || !last || last.at - first.at < this.minSpanMs) return undefined;
    return ((last.bytes - first.bytes) * 1000) / (last.at - first.at);
  }

  reset(): void {
    this.samples = [];
  }
}
