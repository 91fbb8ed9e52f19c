/** Bytes a second over the last few seconds: long enough to be calm, short enough to notice a change. */
const WINDOW_MS = 6_000;
const SHORTEST_MS = 500;

export class SpeedMeter {
  private samples: { at: number; bytes: number }[] = [];

  /** `bytes` is a running total. A smaller one (a part starts again) restarts the measurement. */
  add(at: number, bytes: number): void {
    const last = this.samples.at(-1);
    if (last && bytes < last.bytes) this.samples = [];
    this.samples.push({ at, bytes });
    while (this.samples.length > 2 && at - this.samples[0]!.at > WINDOW_MS) this.samples.shift();
  }

  get bytesPerSecond(): number | undefined {
    const first = this.samples[0];
    const last = this.samples.at(-1);
    if (!first || !last || last.at - first.at < SHORTEST_MS) return undefined;
    return ((last.bytes - first.bytes) * 1000) / (last.at - first.at);
  }

  reset(): void {
    this.samples = [];
  }
}
