import react from '@vitejs/plugin-react';
import type { Rolldown } from 'vite';
import { defineConfig } from 'vitest/config';
import { preload } from './build/preload.ts';
import { serviceWorker } from './build/serviceWorker.ts';
import { shell } from './build/shell.ts';

type ModuleInfo = Pick<Rolldown.ModuleInfo, 'isEntry' | 'importers'>;

/** Return true if a module is part of the first load: without any `import()` on the way to it. */
function isFirstLoad(
  id: string,
  infoOf: (id: string) => ModuleInfo | null,
  seen = new Set<string>(),
): boolean {
  if (seen.has(id)) return false;
  seen.add(id);
  const info = infoOf(id);
  if (!info) return false;
  return info.isEntry || info.importers.some((each) => isFirstLoad(each, infoOf, seen));
}

export default defineConfig({
  plugins: [react(), preload(), shell(), serviceWorker()],
  // Preact has the same components at a third of the size.
  resolve: {
    alias: [
      { find: /^react$/, replacement: 'preact/compat' },
      { find: /^react-dom$/, replacement: 'preact/compat' },
      { find: 'react-dom/client', replacement: 'preact/compat/client' },
      { find: 'react-dom/test-utils', replacement: 'preact/test-utils' },
      { find: /^react\/jsx-(dev-)?runtime$/, replacement: 'preact/jsx-runtime' },
    ],
  },
  build: {
    // The content security policy allows scripts and styles only in files of their own.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    // One file compresses better than several, and what is loaded later would split it.
    rolldownOptions: {
      output: {
        codeSplitting: {
          groups: [
            {
              debugName: 'page',
              name: (id, chunks) =>
                isFirstLoad(id, (each) => chunks.getModuleInfo(each)) ? 'page' : null,
            },
          ],
        },
      },
    },
  },
  server: { proxy: { '/api': 'http://localhost:8000' } },
  preview: { proxy: { '/api': 'http://localhost:8000' } },
  test: {
    include: ['tests/**/*.test.{ts,tsx}'],
    environment: 'node',
    setupFiles: ['tests/setup.ts'],
    // Longer than tests wait for one thing, see `tests/setup.ts`.
    testTimeout: 20_000,
    restoreMocks: true,
  },
});
