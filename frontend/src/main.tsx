import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { App } from './App';
import { Session } from './appController';
import './styles/base.css';
import './styles/page.css';
import './styles/row.css';
import './styles/controls.css';

const session = new Session();
void session.start();

createRoot(document.getElementById('root')!).render(
  <StrictMode>
    <App session={session} />
  </StrictMode>,
);
