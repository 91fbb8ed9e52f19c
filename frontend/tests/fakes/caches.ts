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
      match: async (request: string | { url: string }) => entries.get(urlOf(request)),
      delete: async (request: string | { url: string }) => entries.delete(urlOf(request)),
    };
  };
  const has = async (name: string) => caches.has(name);
  vi.stubGlobal('caches', { open, has, delete: async (name: string) => caches.delete(name) });
  return caches;
}
