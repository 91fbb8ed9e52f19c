/**
 * Take a lock that all tabs of this browser share, and return a function that releases it.
 *
 * Without `wait`, return undefined if another tab holds the lock. With `wait`, resolve when that
 * tab has released it.
 */
export type AcquireLock = (key: string, wait?: boolean) => Promise<(() => void) | undefined>;

/**
 * Take a Web Lock. Tabs use them so that only one uploads a file, opens the event stream, or takes
 * shared files.
 *
 * The browser releases the lock when its tab closes or crashes. Without TLS there are no Web Locks.
 * Then two tabs may upload the same file, which is harmless because parts are idempotent.
 */
export const acquireWebLock: AcquireLock = async (key, wait = false) => {
  if (!navigator.locks) return () => undefined;
  return new Promise((resolve, reject) => {
    navigator.locks
      .request(`tinypixo:${key}`, { ifAvailable: !wait }, (lock) => {
        if (!lock) return resolve(undefined);
        return new Promise<void>((release) => resolve(release));
      })
      .catch(reject);
  });
};
