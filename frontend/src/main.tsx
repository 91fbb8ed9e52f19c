import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { App } from './App';
import { AppController } from './appController';
import './styles/base.css';
import './styles/page.css';
import './styles/file-row.css';
import './styles/progress.css';
import './styles/conversion.css';
import './styles/controls.css';
import './styles/compact.css';

const controller = new AppController();
void controller.start();

createRoot(document.getElementById('root')!).render(
  <StrictMode>
    <App controller={controller} />
  </StrictMode>,
);
