import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { App } from './App';
import { AppController } from './appController';
import { language, setLanguage } from './i18n';
import { nextPaint } from './lib/nextPaint';
import { currentLanguage } from './storage/preferences';
import './styles/base.css';
import './styles/page.css';
import './styles/file-row.css';
import './styles/progress.css';
import './styles/conversion.css';
import './styles/controls.css';
import './styles/compact.css';

const controller = new AppController();
void controller.start();
// Without its catalogue, as when the network is lost, the page is in English.
await setLanguage(currentLanguage()).catch(() => setLanguage('en'));
await nextPaint();
controller.store.dispatch({ type: 'language-changed', language });

createRoot(document.getElementById('root')!).render(
  <StrictMode>
    <App controller={controller} />
  </StrictMode>,
);
