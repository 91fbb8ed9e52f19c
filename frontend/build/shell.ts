import { runnerImport, type Plugin, type ResolvedConfig } from 'vite';

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
  };
}
