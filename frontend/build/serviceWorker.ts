import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { build, type Plugin } from 'vite';

/** Build the service worker, which gets the list of the page's files. */
export function serviceWorker(): Plugin {
  return {
    name: 'service-worker',
    apply: 'build',
    async writeBundle({ dir = 'dist' }) {
      const files = pageFiles(dir);
      const digest = createHash('sha256');
      for (const file of files) digest.update(file).update(readFileSync(join(dir, file)));
      const content = {
        digest: digest.digest('hex').slice(0, 16),
        files: files.map((file) => (file === 'index.html' ? '/' : `/${file}`)),
      };
      await build({
        configFile: false,
        publicDir: false,
        logLevel: 'warn',
        define: { BUILD: JSON.stringify(content) },
        build: {
          outDir: dir,
          emptyOutDir: false,
          // It has no imports, because not every browser loads workers that are modules.
          lib: {
            entry: 'src/serviceWorker/worker.ts',
            formats: ['iife'],
            name: 'worker',
            fileName: () => 'sw.js',
          },
        },
      });
    },
  };
}

/** List all files that the page needs without the network. Icons are for the system. */
function pageFiles(folder: string): string[] {
  const names = readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1));
  return names.filter((name) => name !== 'sw.js' && !name.startsWith('icons/')).sort();
}
