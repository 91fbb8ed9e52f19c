import { useState } from 'react';
import type { Connection } from '../live/liveUpdates';
import { currentTheme, setTheme } from '../storage/preferences';
import { Logo, Moon, Sun } from './Icons';

const CONNECTION_LABELS: Record<Connection, string> = {
  live: 'Live',
  polling: 'Slow updates',
  offline: 'Offline',
};
const CONNECTION_TITLES: Record<Connection, string> = {
  live: 'Changes are shown as they happen.',
  polling: 'Live updates are not available. This page checks for changes every few seconds.',
  offline: 'TinyPixo cannot be reached. This page reconnects by itself.',
};

interface HeaderProps {
  connection: Connection;
  isReady: boolean;
}

export function Header({ connection, isReady }: HeaderProps) {
  const [theme, setShownTheme] = useState(currentTheme);
  const otherTheme = theme === 'dark' ? 'light' : 'dark';
  const switchTheme = () => {
    setTheme(otherTheme);
    setShownTheme(otherTheme);
  };
  return (
    <header className="header">
      <span className="brand">
        <Logo />
        TinyPixo
      </span>
      <span className="header__tools">
        <span
          className="connection"
          data-testid="connection"
          data-state={connection}
          data-ready={isReady}
          title={CONNECTION_TITLES[connection]}
        >
          {CONNECTION_LABELS[connection]}
        </span>
        <button
          type="button"
          className="button button--icon"
          data-testid="theme-toggle"
          onClick={switchTheme}
          aria-label={`Switch to ${otherTheme} colours`}
          title={`Switch to ${otherTheme} colours`}
        >
          {theme === 'dark' ? <Sun /> : <Moon />}
        </button>
      </span>
    </header>
  );
}
