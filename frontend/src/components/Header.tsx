import { useState } from 'react';
import type { Connection } from '../live/liveUpdates';
import { currentTheme, setTheme } from '../storage/preferences';
import { Logo, Moon, Sun } from './Icons';

const WORDS: Record<Connection, string> = {
  live: 'Live',
  polling: 'Slow updates',
  offline: 'Offline',
};
const TITLES: Record<Connection, string> = {
  live: 'Every change is shown as it happens',
  polling: 'The live connection is down: this page asks every few seconds instead',
  offline: 'No connection to TinyPixo: this page goes on by itself when it is back',
};

export function Header({ connection, ready }: { connection: Connection; ready: boolean }) {
  const [theme, show] = useState(currentTheme);
  const other = theme === 'dark' ? 'light' : 'dark';
  const toggle = () => {
    setTheme(other);
    show(other);
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
          data-ready={ready}
          title={TITLES[connection]}
        >
          {WORDS[connection]}
        </span>
        <button
          type="button"
          className="button button--icon"
          data-testid="theme-toggle"
          onClick={toggle}
          aria-label={`Switch to ${other} colours`}
          title={`Switch to ${other} colours`}
        >
          {theme === 'dark' ? <Sun /> : <Moon />}
        </button>
      </span>
    </header>
  );
}
