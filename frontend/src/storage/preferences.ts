import type { ConversionSettings } from '../features/conversion/conversionSettings';
import { isLanguage, preferredLanguage, type Language } from '../i18n';

// Preferences are not essential: if localStorage is full or forbidden, they are not kept.
const SETTINGS_KEY = 'tinypixo:conversion-settings';
const ORDER_KEY = 'tinypixo:order';
const PATHS_KEY = 'tinypixo:paths';
/** public/first-paint.js reads this key and that of the language before the first paint. */
const THEME_KEY = 'tinypixo:theme';
const EARLY_UPLOAD_KEY = 'tinypixo:early-upload';
const ARCHIVE_KEY = 'tinypixo:archive';
const LANGUAGE_KEY = 'tinypixo:language';

function read(key: string): string | null {
  try {
    return localStorage.getItem(key);
  } catch {
    return null;
  }
}

function write(key: string, value: string): void {
  try {
    localStorage.setItem(key, value);
  } catch {
    // The preference is not kept.
  }
}

export interface SavedSettings {
  last?: ConversionSettings;
  /** The last settings of several files at once. Those of one memo do not suit an album. */
  lastOfMany?: ConversionSettings;
  /** The last settings of each format, so that switching between formats keeps both. */
  byFormat: Record<string, ConversionSettings>;
}

export function loadSettings(): SavedSettings {
  try {
    const saved = JSON.parse(read(SETTINGS_KEY) ?? '{}') as Partial<SavedSettings>;
    return { ...saved, byFormat: saved.byFormat ?? {} };
  } catch {
    return { byFormat: {} };
  }
}

/** Return the last settings of the user for one file, or for several at once. */
export function lastSettings(fileCount: number): ConversionSettings | undefined {
  const { last, lastOfMany } = loadSettings();
  return fileCount > 1 ? lastOfMany : last;
}

/** Save the settings for the next file. A cut, fades and a track belong to one file only. */
export function saveSettings(chosen: ConversionSettings, isForMany = false): void {
  const { start: _s, end: _e, fade_in: _i, fade_out: _o, track: _t, ...settings } = chosen;
  const saved = loadSettings();
  const byFormat = { ...saved.byFormat, [settings.format]: settings };
  const changed = isForMany ? { lastOfMany: settings } : {};
  write(SETTINGS_KEY, JSON.stringify({ ...saved, ...changed, last: settings, byFormat }));
}

/**
 * Save the order of the list, as ids of uploads and keys of rows. The service lists uploads by age,
 * which may be another order.
 */
export function saveOrder(ids: string[]): void {
  write(ORDER_KEY, ids.join(' '));
}

export const loadOrder = (): string[] => (read(ORDER_KEY) ?? '').split(' ');

/** Save the paths of uploaded files by upload id. The service knows their names only. */
export function savePaths(paths: Record<string, string>): void {
  write(PATHS_KEY, JSON.stringify(paths));
}

export function loadPaths(): Record<string, string> {
  try {
    return JSON.parse(read(PATHS_KEY) ?? '{}') as Record<string, string>;
  } catch {
    return {};
  }
}

/** Return true if an archive of results may still be on the disk. */
export const isArchiveKept = (): boolean => read(ARCHIVE_KEY) === 'yes';

export const setArchiveKept = (isKept: boolean): void => write(ARCHIVE_KEY, isKept ? 'yes' : 'no');

/** Return true if files are uploaded while the user still chooses their settings. */
export const isUploadedEarly = (): boolean => read(EARLY_UPLOAD_KEY) !== 'off';

export const setUploadedEarly = (isEarly: boolean): void =>
  write(EARLY_UPLOAD_KEY, isEarly ? 'on' : 'off');

export type Theme = 'light' | 'dark';

/** Return the theme that the user chose, or else the preference of the system. */
export function currentTheme(): Theme {
  const chosen = document.documentElement.dataset.theme as Theme | undefined;
  return chosen ?? (matchMedia('(prefers-color-scheme: dark)').matches ? 'dark' : 'light');
}

export function setTheme(theme: Theme): void {
  document.documentElement.dataset.theme = theme;
  write(THEME_KEY, theme);
}

/** Return the language that the user chose, or else the one that the browser prefers. */
export function currentLanguage(): Language {
  const chosen = read(LANGUAGE_KEY);
  return isLanguage(chosen) ? chosen : preferredLanguage(navigator.languages);
}

export const saveLanguage = (language: Language): void => write(LANGUAGE_KEY, language);
