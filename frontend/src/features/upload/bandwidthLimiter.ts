import { SpeedMeter } from './speedMeter';

/** Parts in flight: enough to fill a fast connection, within the browser's limit of connections. */
const MAX_PARALLEL_PARTS = 4;
/**
 * Time in which all parts in flight should arrive.
 *
 * Parts that share a slow connection all arrive late, and all are lost if it breaks.
 */
const FLIGHT_SECONDS = 10;
/**
 * Minimum time that the speed is measured over.
 *
 * At first, the operating system buffers bytes faster than the network sends them.
 */
const MIN_SPAN_MS = 2_000;

interface WaitingPart {
  size: number;
  begin: () => void;
}

/**
 * Limit the parts in flight of all uploads of this tab to what the network connection carries.
 *
 * Uploads take turns. While the speed is unknown, and just after parts were lost, only one part is
 * in flight.
 */
export class BandwidthLimiter {
  private readonly speedMeter = new SpeedMeter(MIN_SPAN_MS);
  private sentBytes = 0;
  private partsInFlight = 0;
  private bytesInFlight = 0;
  private limit = MAX_PARALLEL_PARTS;
  private waiting: WaitingPart[] = [];

  constructor(private readonly now: () => number) {}

  /** Return true if a part of `size` bytes would have to wait for its turn. */
  isFull(size: number): boolean {
    const { bytesPerSecond = 0 } = this.speedMeter;
    const isTooMuch = this.bytesInFlight + size > bytesPerSecond * FLIGHT_SECONDS;
    return this.partsInFlight >= this.limit || (this.partsInFlight > 0 && isTooMuch);
  }

  /**
   * Wait until a part may be sent. `arrived`, `lost` or `release` ends its turn.
   *
   * A part that is sent again comes before all others. `onBegin` is called as soon as the turn
   * begins, before the promise resolves. Rejects when `signal` is aborted.
   */
  take(size: number, signal: AbortSignal, isRetry = false, onBegin?: () => void): Promise<void> {
    return new Promise((resolve, reject) => {
      const abort = () => {
        this.waiting = this.waiting.filter((each) => each !== turn);
        reject(new DOMException('aborted', 'AbortError'));
      };
      const begin = () => {
        signal.removeEventListener('abort', abort);
        onBegin?.();
        resolve();
      };
      const turn = { size, begin };
      if (signal.aborted) return abort();
      signal.addEventListener('abort', abort);
      if (isRetry) this.waiting.unshift(turn);
      else this.waiting.push(turn);
      this.beginTurns();
    });
  }

  /** Count bytes of a part in flight. */
  sent(bytes: number): void {
    this.sentBytes += bytes;
    this.speedMeter.add(this.now(), this.sentBytes);
    this.beginTurns();
  }

  arrived(size: number): void {
    this.limit = Math.min(MAX_PARALLEL_PARTS, this.limit + 1);
    this.release(size);
  }

  /** End the turn of a part that was lost with the network. */
  lost(size: number): void {
    this.limit = 1;
    this.release(size);
  }

  release(size: number): void {
    this.partsInFlight--;
    this.bytesInFlight -= size;
    this.beginTurns();
  }

  private beginTurns(): void {
    for (let turn = this.waiting[0]; turn && !this.isFull(turn.size); turn = this.waiting[0]) {
      this.waiting.shift();
      this.partsInFlight++;
      this.bytesInFlight += turn.size;
      turn.begin();
    }
  }
}
