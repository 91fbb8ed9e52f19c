import type { Connection } from '../live/liveUpdates';
import { isFinal, newerSnapshot, withConversionProgress, withUploadProgress } from './merge';
import type { Choice, Conversion, Format, Progress, Trouble, Upload } from '../api/types';
import type { Transfer } from '../features/upload/multipartUploader';

/**
 * draft: chosen, waits for "Convert" · refused: cannot be converted, and why · queued: asked for, waits for its turn ·
 * sending: this tab uploads it · elsewhere: another tab does · orphan: begun, but this browser has no bytes of it ·
 * stored: the service has it · broken: the upload ended badly.
 */
export type Stage =
  'draft' | 'refused' | 'queued' | 'sending' | 'elsewhere' | 'orphan' | 'stored' | 'broken';

export interface Row {
  key: string;
  name: string;
  size: number;
  stage: Stage;
  /** What the form shows; what was asked for once it is under way. */
  choice: Choice;
  upload?: Upload;
  transfer?: Transfer;
  trouble?: Trouble;
  /** A request of the person's is on its way: buttons wait. */
  busy?: boolean;
  /** Another file was offered for continuing this one. */
  otherFile?: string;
}

export interface State {
  boot: 'starting' | 'unreachable' | 'ready';
  formats: Format[];
  rows: Row[];
  conversions: Record<string, Conversion>;
  /** Trouble with one conversion's last request, by its id. */
  troubles: Record<string, Trouble>;
  /** Ids that are deleted: news about them that is still on its way must not bring them back. */
  gone: Record<string, true>;
  connection: Connection;
  /** For the live region; the number makes a repeated sentence a new one. */
  said: { text: string; n: number };
}

export const INITIAL: State = {
  boot: 'starting',
  formats: [],
  rows: [],
  conversions: {},
  troubles: {},
  gone: {},
  connection: 'polling',
  said: { text: '', n: 0 },
};

export type Happening =
  | { type: 'boot'; boot: State['boot']; formats?: Format[] }
  | { type: 'rows-added'; rows: Row[] }
  | { type: 'row'; key: string; change: Partial<Row> }
  | { type: 'row-removed'; key: string }
  | { type: 'upload'; upload: Upload }
  | { type: 'conversion'; conversion: Conversion }
  | { type: 'trouble'; id: string; trouble: Trouble | undefined }
  | { type: 'progress'; progress: Progress }
  | { type: 'gone'; id: string }
  | { type: 'connection'; connection: Connection }
  | { type: 'say'; text: string };

export function reduce(state: State, event: Happening): State {
  switch (event.type) {
    case 'boot':
      return { ...state, boot: event.boot, formats: event.formats ?? state.formats };
    case 'rows-added':
      return { ...state, rows: [...event.rows, ...state.rows] };
    case 'row':
      return changeRows(state, (row) =>
        row.key === event.key ? { ...row, ...event.change } : row,
      );
    case 'row-removed':
      return { ...state, rows: state.rows.filter((row) => row.key !== event.key) };
    case 'upload':
      if (state.gone[event.upload.id]) return state;
      return changeRows(state, (row) =>
        row.upload?.id === event.upload.id
          ? settle({ ...row, upload: newerSnapshot(row.upload, event.upload) })
          : row,
      );
    case 'conversion':
      if (state.gone[event.conversion.id]) return state;
      return withConversion(
        state,
        newerSnapshot(state.conversions[event.conversion.id], event.conversion),
      );
    case 'trouble': {
      const { [event.id]: _, ...troubles } = state.troubles;
      return {
        ...state,
        troubles: event.trouble ? { ...troubles, [event.id]: event.trouble } : troubles,
      };
    }
    case 'progress':
      return withProgress(state, event.progress);
    case 'gone':
      return withoutThing(state, event.id);
    case 'connection':
      return { ...state, connection: event.connection };
    case 'say':
      return { ...state, said: { text: event.text, n: state.said.n + 1 } };
  }
}

function changeRows(state: State, change: (row: Row) => Row): State {
  let changed = false;
  const rows = state.rows.map((row) => {
    const next = change(row);
    changed ||= next !== row;
    return next;
  });
  return changed ? { ...state, rows } : state;
}

function withConversion(state: State, conversion: Conversion): State {
  if (state.conversions[conversion.id] === conversion) return state;
  return { ...state, conversions: { ...state.conversions, [conversion.id]: conversion } };
}

function withProgress(state: State, progress: Progress): State {
  const known = state.conversions[progress.id];
  if (known) return withConversion(state, withConversionProgress(known, progress));
  return changeRows(state, (row) => {
    if (row.upload?.id !== progress.id) return row;
    const upload = withUploadProgress(row.upload, progress);
    return upload === row.upload ? row : settle({ ...row, upload });
  });
}

/** An upload that ended while nobody here was sending it; a sending row is settled by its own uploader. */
function settle(row: Row): Row {
  if (!row.upload || !isFinal(row.upload) || row.stage === 'sending') return row;
  return {
    ...row,
    stage: row.upload.status === 'uploaded' ? 'stored' : 'broken',
    trouble: row.upload.error ?? undefined,
  };
}

function withoutThing(state: State, id: string): State {
  const gone = { ...state.gone, [id]: true as const };
  const conversions = Object.fromEntries(
    Object.entries(state.conversions).filter(([each, conversion]) => {
      const goes = each === id || conversion.upload_id === id;
      if (goes) gone[each] = true;
      return !goes;
    }),
  );
  return { ...state, gone, conversions, rows: state.rows.filter((row) => row.upload?.id !== id) };
}

export function conversionsOf(state: Pick<State, 'conversions'>, row: Row): Conversion[] {
  if (!row.upload) return [];
  const id = row.upload.id;
  return Object.values(state.conversions)
    .filter((each) => each.upload_id === id)
    .sort((a, b) => a.created_at.localeCompare(b.created_at));
}
