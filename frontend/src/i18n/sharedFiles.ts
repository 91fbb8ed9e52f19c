import { language } from '.';

/** The sentences about files that another app has shared. They are loaded when there are some. */
const en = {
  question: (names: string, count: number) =>
    `${count === 1 ? '1 file was' : `${count} files were`} shared with TinyPixo: ${names}\n\n` +
    'Add to the list? If you shared nothing, decline. What you decline is deleted here.',
  leftOut: (count: number, files: number, gib: number) =>
    `Left out: ${count}. At most ${files} files can be shared at a time, with ${gib} GiB in ` +
    'total, and this browser needs room for them.',
};

const de: typeof en = {
  question: (names, count) =>
    `${count === 1 ? '1 Datei wurde' : `${count} Dateien wurden`} mit TinyPixo geteilt: ` +
    `${names}\n\n` +
    'Zur Liste hinzufügen? Wenn du nichts geteilt hast, lehne ab. Was du ablehnst, wird hier ' +
    'gelöscht.',
  leftOut: (count, files, gib) =>
    `Weggelassen: ${count}. Höchstens ${files} Dateien lassen sich auf einmal teilen, mit ` +
    `zusammen ${gib} GiB, und dieser Browser braucht Platz dafür.`,
};

export const sharedFilesCatalogues = { en, de };

/** Return the sentences in the language of the page. */
export const sharedFilesTexts = () => sharedFilesCatalogues[language];
