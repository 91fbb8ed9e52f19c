import { vi } from 'vitest';

/** Replace the caches of the browser by some that hold their contents in memory. */
export function fakeCaches() {
  const caches = new Map<string, Map<string, Response>>();
  const open = async (name: string) => {
    const entries = caches.get(name) ?? new Map<string, Response>();
    caches.set(name, entries);
    const urlOf = (request: string | { url: string }) =>
      typeof request === 'string' ? new URL(request, 'https://tinypixo').href : request.url;
    return {
      put: async (url: string, response: Response) => void entries.set(urlOf(url), response),
      keys: async () => [...entries.keys()].map((url) => ({ url })),
      match: async (request: { url: string }) => entries.get(request.url),
      delete: async (request: { url: string }) => entries.delete(request.url),
    };
  };
  const has = async (name: string) => caches.has(name);
  vi.stubGlobal('caches', { open, has, delete: async (name: string) => caches.delete(name) });
  return caches;
}
