import { ownProblem } from '../../api/errors';
import { randomKey } from '../../lib/environment';
import { shownText } from '../../lib/shownText';
import type { Row, State } from '../../state/state';
import {
  defaultSettings,
  supportedSettings,
  type ConversionSettings,
} from '../conversion/conversionSettings';
import { pathOf } from './filePaths';
import type { NewFile } from './localFiles';

/** Return the row of a chosen file, and what is to be stored of it. An empty file is rejected. */
export function createDraft(
  file: File,
  settings: ConversionSettings | undefined,
  { formats, limits }: Pick<State, 'formats' | 'limits'>,
): { row: Row; newFile?: NewFile } {
  const path = pathOf(file);
  const draft = {
    key: randomKey(),
    name: shownText(file.name),
    ...(path ? { path: shownText(path) } : {}),
    size: file.size,
    settings: settings ? supportedSettings(settings, formats) : defaultSettings(formats),
  };
  if (file.size === 0) {
    return { row: { ...draft, stage: 'rejected', problem: ownProblem('file_empty') } };
  }
  if (limits && file.size > limits.max_file_size) {
    return { row: { ...draft, stage: 'rejected', problem: ownProblem('file_too_large') } };
  }
  return {
    row: { ...draft, stage: 'draft', unsaved: 'copying' },
    newFile: { record: { ...draft, lastModified: file.lastModified, storedAt: Date.now() }, file },
  };
}
