/** Time, chance and the network's on/off switch: all that a test must be able to hold in its hand. */
export interface World {
  now(): number;
  random(): number;
  online(): boolean;
  /** Resolves after `ms`, or at once when the network comes back; rejects when `signal` fires. */
  sleep(ms: number, signal: AbortSignal): Promise<void>;
}

export const browserWorld: World = {
  now: () => performance.now(),
  random: Math.random,
  online: () => navigator.onLine,
  sleep: (ms, signal) =>
    new Promise((resolve, reject) => {
      const finish = (done: () => void) => {
        clearTimeout(timer);
        window.removeEventListener('online', back);
        signal.removeEventListener('abort', stop);
        done();
      };
      const back = () => finish(resolve);
      const stop = () => finish(() => reject(new DOMException('stopped', 'AbortError')));
      const timer = setTimeout(back, ms);
      if (signal.aborted) return stop();
      window.addEventListener('online', back);
      signal.addEventListener('abort', stop);
    }),
};

/** A random name. Not crypto.randomUUID: browsers offer that only over TLS and on localhost. */
export function newKey(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) =>
    byte.toString(16).padStart(2, '0'),
  ).join('');
}
