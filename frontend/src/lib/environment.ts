/** Provide time, randomness and the network state, so that tests can replace them. */
export interface Environment {
  now(): number;
  random(): number;
  isOnline(): boolean;
  /**
   * Resolve after `ms` milliseconds, or at once when the browser reports that it is online again.
   * Reject when `signal` is aborted.
   */
  sleep(ms: number, signal: AbortSignal): Promise<void>;
}

export const browserEnvironment: Environment = {
  now: () => performance.now(),
  random: Math.random,
  isOnline: () => navigator.onLine,
  sleep: (ms, signal) =>
    new Promise((resolve, reject) => {
      const finish = (settle: () => void) => {
        clearTimeout(timer);
        window.removeEventListener('online', wake);
        signal.removeEventListener('abort', abort);
        settle();
      };
      const wake = () => finish(resolve);
      const abort = () => finish(() => reject(new DOMException('aborted', 'AbortError')));
      const timer = setTimeout(wake, ms);
      if (signal.aborted) return abort();
      window.addEventListener('online', wake);
      signal.addEventListener('abort', abort);
    }),
};

/**
 * Return a random key of 128 bits.
 *
 * Browsers offer crypto.randomUUID only over TLS and on localhost, so it cannot be used here.
 */
export function randomKey(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}
