import type { Environment } from '../../src/lib/environment';
import { abortable } from './abortable';

/** An environment in which sleeps take no time, unless the test holds them. */
export class FakeEnvironment implements Environment {
  /** The requested delays, in milliseconds. */
  delays: number[] = [];
  online = true;
  private time = 0;
  private heldSleeps: (() => void)[] | undefined;

  /** Advances with each call by more than the interval between two notifications. */
  now = () => (this.time += 200);
  random = () => 0.5;
  isOnline = () => this.online;

  /** Let sleeps last until `releaseSleeps` is called. */
  holdSleeps(): void {
    this.heldSleeps = [];
  }

  releaseSleeps(): void {
    const sleeps = this.heldSleeps ?? [];
    this.heldSleeps = undefined;
    sleeps.forEach((resolve) => resolve());
  }

  sleep(ms: number, signal: AbortSignal): Promise<void> {
    this.delays.push(ms);
    return abortable(signal, new DOMException('aborted', 'AbortError'), (resolve) => {
      if (this.heldSleeps) this.heldSleeps.push(resolve);
      else setTimeout(resolve, 0);
    });
  }
}
