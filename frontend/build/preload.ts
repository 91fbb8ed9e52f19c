import type { Plugin } from 'vite';

/** The module in which Vite looks for the function that it wraps around each `import()`. */
const VITE_HELPER = '\0vite/preload-helper.js';

/** Let the page load its parts by src/lib/preload.ts. Vite's helper is 0.5 kB larger. */
export function preload(): Plugin {
  const path = new URL('../src/lib/preload.ts', import.meta.url).pathname;
  return {
    name: 'preload',
    apply: 'build',
    enforce: 'pre',
    load: (id) =>
      id === VITE_HELPER ? `export { preload as __vitePreload } from '${path}';` : undefined,
  };
}
