import { clamp } from './selection';

export type Side = 'source' | 'result';

export interface SyncedPlayer {
  element: HTMLAudioElement;
  /** The time in this sound at which the comparison begins, in seconds. */
  offset: number;
}

/** Larger differences are corrected by a jump, smaller ones by playing faster or slower. */
const MAX_DRIFT_SECONDS = 0.5;

/**
 * Play two sounds at the same position, of which one is heard.
 *
 * Both play all the time, so that switching has no gap. The one that is not heard follows the
 * other. Times are those of the comparison, which begins at 0.
 */
export class SyncedPlayers {
  constructor(
    private readonly players: Partial<Record<Side, SyncedPlayer>>,
    private audible: Side,
  ) {
    this.mute();
  }

  get time(): number {
    const { element, offset } = this.players[this.audible]!;
    return element.currentTime - offset;
  }

  get isPlaying(): boolean {
    return !this.players[this.audible]!.element.paused;
  }

  async play(): Promise<void> {
    this.seek(this.time);
    await Promise.all(this.all().map(({ element }) => element.play()));
  }

  /** Start the sounds that do not play yet at the time at which the others are. */
  async join(time: number): Promise<void> {
    const late = this.all().filter(({ element }) => element.paused);
    for (const { element, offset } of late) element.currentTime = offset + time;
    await Promise.all(late.map(({ element }) => element.play()));
  }

  pause(): void {
    for (const { element } of this.all()) element.pause();
  }

  seek(time: number): void {
    for (const { element, offset } of this.all()) element.currentTime = offset + time;
  }

  /** Let the other sound be heard from now on. */
  hear(side: Side): void {
    const { time, isPlaying } = this;
    const next = this.players[side];
    if (!next) return;
    const drift = next.element.currentTime - next.offset - time;
    if (!isPlaying || Math.abs(drift) > MAX_DRIFT_SECONDS) {
      next.element.currentTime = next.offset + time;
    }
    this.audible = side;
    this.mute();
  }

  /**
   * Bring the sound that is not heard closer to the other. Call this for each frame while it plays.
   */
  align(): void {
    const { time } = this;
    for (const { element, offset } of this.all()) {
      const lag = time - (element.currentTime - offset);
      if (element.muted && Math.abs(lag) > MAX_DRIFT_SECONDS && !element.seeking) {
        element.currentTime = offset + time;
      }
      element.playbackRate = element.muted ? clamp(1 + lag, 0.5, 2) : 1;
    }
  }

  private all(): SyncedPlayer[] {
    return Object.values(this.players);
  }

  private mute(): void {
    for (const [side, { element }] of Object.entries(this.players)) {
      element.muted = side !== this.audible;
      element.playbackRate = 1;
    }
  }
}
