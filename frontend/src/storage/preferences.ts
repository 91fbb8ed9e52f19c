import type { Choice } from '../api/types';

/** Small things that this browser remembers. Storage may be full or forbidden: then they are simply not remembered. */
const CHOICE = 'tinypixo:choice';
const ORDER = 'tinypixo:order';
const THEME = 'tinypixo:theme'; // public/theme.js reads it before the first paint

function read(name: string): string | null {
  try {
    return localStorage.getItem(name);
  } catch {
    return null;
  }
}

function write(name: string, value: string): void {
  try {
    localStorage.setItem(name, value);
  } catch {
    // Not remembered, then.
  }
}

export interface Remembered {
  last?: Choice;
  /** What was last chosen within each format, so that going to and fro does not lose it. */
  byFormat: Record<string, Choice>;
}

export function remembered(): Remembered {
  try {
    const parsed = JSON.parse(read(CHOICE) ?? '{}') as Partial<Remembered>;
    return { last: parsed.last, byFormat: parsed.byFormat ?? {} };
  } catch {
    return { byFormat: {} };
  }
}

export function remember(choice: Choice): void {
  const { byFormat } = remembered();
  write(
    CHOICE,
    JSON.stringify({ last: choice, byFormat: { ...byFormat, [choice.format]: choice } }),
  );
}

/** The service lists uploads by age; a person expects the list as it was. */
export function rememberOrder(uploadIds: string[]): void {
  write(ORDER, uploadIds.join(' '));
}

export const rememberedOrder = (): string[] => (read(ORDER) ?? '').split(' ');

export type Theme = 'light' | 'dark';
export const currentTheme = (): Theme =>
  (document.documentElement.dataset.theme as Theme | undefined) ??
  (matchMedia('(prefers-color-scheme: dark)').matches ? 'dark' : 'light');

export function setTheme(theme: Theme): void {
  document.documentElement.dataset.theme = theme;
  write(THEME, theme);
}
