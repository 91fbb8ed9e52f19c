import { useState } from 'react';
import type { AppController } from '../appController';
import { language, LANGUAGES, t, type Language } from '../i18n';
import type { Connection } from '../live/liveUpdates';
import { currentTheme, setTheme } from '../storage/preferences';
import { Logo, Moon, Sun } from './Icons';

interface HeaderProps {
  connection: Connection;
  isReady: boolean;
  controller: AppController;
}

export function Header({ connection, isReady, controller }: HeaderProps) {
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
          title={t.connectionTitles[connection]}
        >
          {t.connections[connection]}
        </span>
        <select
          className="select select--quiet"
          data-testid="language-select"
          aria-label={t.language}
          value={language}
          onChange={(event) => void controller.changeLanguage(event.target.value as Language)}
        >
          {Object.entries(LANGUAGES).map(([tag, name]) => (
            <option key={tag} value={tag} title={name}>
              {tag.toUpperCase()}
            </option>
          ))}
        </select>
        <button
          type="button"
          className="button button--icon"
          data-testid="theme-toggle"
          onClick={switchTheme}
          aria-label={t.switchTheme[otherTheme]}
          title={t.switchTheme[otherTheme]}
        >
          {theme === 'dark' ? <Sun /> : <Moon />}
        </button>
      </span>
    </header>
  );
}
