import type { ProblemSummary } from '../api/errors';
import type { Conversion, Format, Progress, Upload, UploadLimits } from '../api/types';
import type { ConversionSettings } from '../features/conversion/conversionSettings';
import type { Transfer } from '../features/upload/transfer';
import type { Connection } from '../live/liveUpdates';
import type { Language } from '../i18n';

/**
 * The stages of a file in the list:
 *
 * - draft: chosen, but not started
 * - rejected: cannot be uploaded, for example because it is empty
 * - queued: started, but other files are uploaded first
 * - uploading: this tab uploads it
 * - other-tab: another tab uploads it
 * - interrupted: the upload is incomplete and this browser does not have the file
 * - uploaded: the service has the whole file
 * - failed: the service ended the upload
 */
export type Stage =
  | 'draft'
  | 'rejected'
  | 'queued'
  | 'uploading'
  | 'other-tab'
  | 'interrupted'
  | 'uploaded'
  | 'failed';

/** A file in the list. */
export interface Row {
  key: string;
  /** The name as it is shown. */
  name: string;
  /** The path inside of the folder that was dropped. */
  path?: string;
  size: number;
  stage: Stage;
  /** The settings in the form, or of the first conversion once the upload has started. */
  settings: ConversionSettings;
  upload?: Upload;
  transfer?: Transfer;
  problem?: ProblemSummary;
  /** Set while the bytes are only in this tab: being copied to the storage, or not storable. */
  unsaved?: 'copying' | 'not-storable';
  /** True for a draft that the user has started, until its conversion exists. */
  isStarted?: boolean;
  /** True while a request of the user is under way. Buttons are disabled then. */
  isBusy?: boolean;
  /** True while the removal of this file can be undone. It is not shown then. */
  isRemoved?: boolean;
  /** Name of the file that the user chose to resume this upload, if it is not the same file. */
  mismatchedFile?: string;
}

export interface State {
  language: Language;
  startup: 'starting' | 'unreachable' | 'ready';
  formats: Format[];
  limits?: UploadLimits;
  rows: Row[];
  conversions: Record<string, Conversion>;
  /** The problem of the last request about a conversion, by conversion id. */
  conversionProblems: Record<string, ProblemSummary>;
  /** Ids of deleted items. Updates about them may still arrive and are ignored. */
  deletedIds: Record<string, true>;
  /** Names of added files that are not audio or video. They get no row. */
  setAside: string[];
  /** The problem of the last request that concerned the whole list. */
  listProblem?: ProblemSummary;
  /** Progress of the archive that is being made: files so far, and all files. */
  packing?: { packed: number; count: number };
  connection: Connection;
  /** Text for screen readers. The sequence number tells a repeated text from the previous one. */
  announcement: { text: string; sequence: number };
}

export const INITIAL_STATE: State = {
  language: 'en',
  startup: 'starting',
  formats: [],
  rows: [],
  conversions: {},
  conversionProblems: {},
  deletedIds: {},
  setAside: [],
  connection: 'polling',
  announcement: { text: '', sequence: 0 },
};

export type Action =
  | {
      type: 'startup-changed';
      startup: State['startup'];
      formats?: Format[];
      limits?: UploadLimits;
    }
  | { type: 'rows-added'; rows: Row[] }
  | { type: 'row-updated'; key: string; change: Partial<Row> }
  | { type: 'list-problem-changed'; problem: ProblemSummary | undefined }
  | { type: 'packing-changed'; packing: State['packing'] }
  | { type: 'files-set-aside'; names: string[] }
  | { type: 'row-removed'; key: string }
  | { type: 'conversion-received'; conversion: Conversion }
  | { type: 'conversion-problem-changed'; id: string; problem?: ProblemSummary }
  | { type: 'progress-received'; progress: Progress }
  | { type: 'item-deleted'; id: string }
  | { type: 'connection-changed'; connection: Connection }
  | { type: 'language-changed'; language: Language }
  | { type: 'announced'; text: string };
