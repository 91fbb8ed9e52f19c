import { language } from '.';

/** The sentences that ask for a file again. They are loaded when a file is missing. */
const en = {
  otherFile: (name: string) =>
    `“${name}” is a different file, or it has changed. ` +
    'Choose the original file, or start over with this one.',
  continueFrom: (completed: number, count: number) =>
    'Choose the same file again to continue' +
    (count > 1 ? `: ${completed} of ${count} chunks have arrived.` : '.'),
  closedTooEarly: 'The page was closed before this file was saved. Choose it again to continue.',
  chooseAgain: 'Choose the file again',
  startOver: 'Start over with the other file',
};

const de: typeof en = {
  otherFile: (name) =>
    `„${name}“ ist eine andere Datei oder wurde verändert. ` +
    'Wähle die ursprüngliche Datei oder beginne mit dieser neu.',
  continueFrom: (completed, count) =>
    'Wähle dieselbe Datei noch einmal, um weiterzumachen' +
    (count > 1 ? `: ${completed} von ${count} Teilen sind angekommen.` : '.'),
  closedTooEarly:
    'Die Seite wurde geschlossen, bevor diese Datei gesichert war. Wähle sie noch einmal, um ' +
    'weiterzumachen.',
  chooseAgain: 'Datei noch einmal wählen',
  startOver: 'Mit der anderen Datei neu beginnen',
};

export const reselectCatalogues = { en, de };

/** Return the sentences in the language of the page. */
export const reselectTexts = () => reselectCatalogues[language];
