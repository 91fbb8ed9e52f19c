import { language } from '.';

/** The sentences about a source and its result. They are loaded when the details are opened. */
const en = {
  source: 'Source',
  tags: 'Tags',
  withCover: 'with cover',
  result: 'Result',
  hash: 'SHA-256 of the result',
  unknown: 'unknown',
};

const de: typeof en = {
  source: 'Quelle',
  tags: 'Angaben',
  withCover: 'mit Titelbild',
  result: 'Ergebnis',
  hash: 'SHA-256 des Ergebnisses',
  unknown: 'unbekannt',
};

export const factsCatalogues = { en, de };

/** Return the sentences in the language of the page. */
export const factsTexts = () => factsCatalogues[language];
