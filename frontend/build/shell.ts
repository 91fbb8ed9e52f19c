import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { minifySync, runnerImport, type Plugin, type ResolvedConfig } from 'vite';

/** Put what the page shows first into index.html, so that it is painted without its scripts. */
export function shell(): Plugin {
  let config: ResolvedConfig;
  return {
    name: 'shell',
    apply: 'build',
    configResolved(resolved) {
      config = resolved;
    },
    async transformIndexHtml(html) {
      const path = new URL('./renderShell.tsx', import.meta.url).pathname;
      const options = { resolve: { alias: config.resolve.alias } };
      const { module } = await runnerImport<typeof import('./renderShell')>(path, options);
      const root = '<div id="root">';
      return html.replace(root, root + module.SHELL);
    },
    // Vite copies this script as it is, and the gateway compresses nothing so small. This comes
    // before the service worker, which knows the page's files by their bytes.
    writeBundle: {
      order: 'pre',
      handler({ dir = 'dist' }) {
        const path = join(dir, 'first-paint.js');
        writeFileSync(path, minifySync(path, readFileSync(path, 'utf8')).code);
      },
    },
  };
}
