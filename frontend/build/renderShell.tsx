// @ts-expect-error It has no types of its own, and two names are all that is used.
import { JSDOM } from 'jsdom';
import { createRoot } from 'react-dom/client';
import { App } from '../src/App';
import { AppController } from '../src/appController';
import { LANGUAGES, setLanguage, type Language } from '../src/i18n';

/** Render the page as it looks before its scripts run, as HTML in each language. */
async function renderShell(): Promise<string> {
  const { window } = new JSDOM('<!doctype html>', { url: 'http://localhost/' });
  Object.assign(globalThis, { window, document: window.document });
  Object.assign(globalThis, { matchMedia: () => ({ matches: false }) });
  const shells = [];
  for (const language of Object.keys(LANGUAGES) as Language[]) {
    await setLanguage(language);
    const element = document.createElement('div');
    const root = createRoot(element);
    root.render(<App controller={new AppController()} />);
    // No id may be there twice, and tests look for the page that works.
    const html = element.innerHTML.replace(/ (id|for|data-testid)="[^"]*"/g, '');
    // Effects, which need a browser, do not run any more.
    root.unmount();
    shells.push(`<div class="shell" lang="${language}">${html}</div>`);
  }
  return shells.join('');
}

/** Rendered while this module is loaded: Vite closes its module runner after that. */
export const SHELL = await renderShell();
