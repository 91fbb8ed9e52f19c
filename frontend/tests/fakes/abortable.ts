/** Return a promise that rejects with `error` when `signal` is aborted. */
export function abortable(
  signal: AbortSignal,
  error: Error,
  start: (resolve: () => void) => void,
): Promise<void> {
  return new Promise<void>((resolve, reject) => {
    const abort = () => reject(error);
    signal.addEventListener('abort', abort);
    start(() => {
      signal.removeEventListener('abort', abort);
      resolve();
    });
  });
}
