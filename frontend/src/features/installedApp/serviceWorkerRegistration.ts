/**
 * Register the service worker, which keeps a copy of the page for offline use and receives files
 * that other apps share.
 *
 * Browsers offer service workers only over TLS and on localhost. In development there is none,
 * because it would hide changes.
 */
export function registerServiceWorker(): void {
  if (!import.meta.env.PROD) return;
  void navigator.serviceWorker?.register('/sw.js').catch(() => undefined);
}
