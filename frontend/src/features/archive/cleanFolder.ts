/** Characters that a folder's name keeps, as the name of a download does. */
const MAX_LENGTH = 120;
/** Zero-width characters that belong to the spelling of Persian, Indic scripts and emoji. */
const JOINERS = '\\u200c\\u200d';
const INVISIBLE = new RegExp(`(?![${JOINERS}])\\p{C}`, 'gu');
const ENDS = new RegExp(`^[. ${JOINERS}]+|[. ${JOINERS}]+$`, 'g');
const UNSAFE = /[:"\\;<>|?*]/g;
/** Device names of Windows, with any extension. Windows treats a superscript digit like a digit. */
const RESERVED = /^(con|prn|aux|nul|conin\$|conout\$|(com|lpt)[0-9¹²³]) *(\..*)?$/i;

/**
 * Return the name of one folder of a path, allowed on every operating system.
 *
 * It is empty for one like "..", which would leave the folder that an archive is unpacked into. The
 * services clean the names of files by the same rules.
 */
export function cleanFolder(name: string): string {
  const visible = name.normalize('NFC').replace(INVISIBLE, '').replace(UNSAFE, '_');
  const letters = [...visible.replace(ENDS, '')].slice(0, MAX_LENGTH).join('');
  const clean = letters.replace(ENDS, '');
  return RESERVED.test(clean) ? `folder_${clean}` : clean;
}
