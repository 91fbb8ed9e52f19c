/** The files that wait for their upload. Those that the user has started come first. */
export class UploadQueue {
  /** True while the queue is paused: `take` then returns nothing. */
  isPaused = false;
  private started: string[] = [];
  private early: string[] = [];

  add(key: string): void {
    this.started.push(key);
  }

  /** Add drafts, which are uploaded when nothing else is to be uploaded. */
  addEarly(keys: string[]): void {
    this.early.push(...keys);
  }

  take(count: number): string[] {
    if (this.isPaused) return [];
    const started = this.started.splice(0, count);
    return [...started, ...this.early.splice(0, count - started.length)];
  }

  /** Remove a file. Return a function that adds it again if it was in the queue. */
  remove(key: string): () => void {
    const [wasStarted, wasEarly] = [this.started.includes(key), this.early.includes(key)];
    this.started = this.started.filter((each) => each !== key);
    this.early = this.early.filter((each) => each !== key);
    return () => {
      if (wasStarted) this.add(key);
      if (wasEarly) this.addEarly([key]);
    };
  }
}
