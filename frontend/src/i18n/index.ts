import { en, type Catalogue } from './en';
import { shownText } from '../lib/shownText';

/** The languages of the page, by their own names. */
export const LANGUAGES = { en: 'English', de: 'Deutsch' };
export type Language = keyof typeof LANGUAGES;

/** The sentences in the language of the page. Read it when a text is made, never before. */
export let t: Catalogue = en;
export let language: Language = 'en';

/** Load a language and use it from now on. Only English is part of the first load. */
export async function setLanguage(next: Language): Promise<void> {
  t = next === 'de' ? (await import('./de')).de : en;
  language = next;
  document.documentElement.lang = next;
}

export const isLanguage = (name: string | null): name is Language =>
  name !== null && Object.hasOwn(LANGUAGES, name);

/** Return the first language that the browser prefers and the page has. */
export function preferredLanguage(tags: readonly string[]): Language {
  return tags.map((tag) => tag.slice(0, 2).toLowerCase()).find(isLanguage) ?? 'en';
}

/** Write a number with the decimal mark of the language. */
export const decimal = (value: number | string) => String(value).replace('.', t.decimalMark);

/** Return the browser's own variant of the language, which knows if the clock has 12 hours. */
export const locale = () => navigator.languages.find((tag) => tag.startsWith(language)) ?? t.locale;

/** Return properties of an element whose text a service sent: its language is English. */
export const asSent = (text: string) => ({
  text: shownText(text),
  lang: language === 'en' ? undefined : 'en',
});
