import type { Conversion } from '../../api/types';
import { selectConversions, shownRows } from '../../state/reducer';
import type { State } from '../../state/state';
import { cleanFolder } from './cleanFolder';

export interface ArchivedResult {
  conversion: Conversion;
  /** The path in an archive: "Album/02 Song.mp3". */
  path: string;
}

/**
 * List all results with the folders of their sources. No two have the same path, also on Windows
 * and macOS, where letters that differ in case or in their Unicode form are the same.
 */
export function resultFiles(state: Pick<State, 'rows' | 'conversions'>): ArchivedResult[] {
  const used = new Set<string>();
  return shownRows(state).flatMap((row) =>
    selectConversions(state, row).flatMap((conversion) => {
      if (!conversion.output) return [];
      const folders = (row.path?.split('/').slice(0, -1) ?? []).map(cleanFolder).filter(Boolean);
      const path = unusedPath([...folders, conversion.output.filename].join('/'), used);
      used.add(foldCase(path));
      return [{ conversion, path }];
    }),
  );
}

function unusedPath(path: string, used: Set<string>): string {
  const dot = path.lastIndexOf('.');
  let result = path;
  for (let n = 2; used.has(foldCase(result)); n++) {
    result = `${path.slice(0, dot)} (${n})${path.slice(dot)}`;
  }
  return result;
}

/**
 * Return the text in a form that all its spellings share.
 *
 * JavaScript has no case folding. Upper case differs from it in a few letters, such as "ẞ", which
 * are therefore put into lower case first.
 */
const foldCase = (text: string) =>
  text.normalize('NFC').toLowerCase().toUpperCase().normalize('NFC');
