import type { Conversion, Progress, Upload } from '../api/types';
import { isFinal, mergeConversionProgress, mergeSnapshot, mergeUploadProgress } from './merge';
import type { Action, Row, State } from './state';

/** Return the state after an action. Rows and conversions without a change stay the same object. */
export function reducer(state: State, action: Action): State {
  switch (action.type) {
    case 'startup-changed':
      return {
        ...state,
        startup: action.startup,
        formats: action.formats ?? state.formats,
        limits: action.limits ?? state.limits,
      };
    case 'rows-added':
      return { ...state, rows: [...action.rows, ...state.rows] };
    case 'row-updated':
      return updateRows(state, (row) =>
        row.key === action.key ? { ...row, ...action.change } : row,
      );
    case 'list-problem-changed':
      return { ...state, listProblem: action.problem };
    case 'packing-changed':
      return { ...state, packing: action.packing };
    case 'files-set-aside':
      return { ...state, setAside: action.names };
    case 'row-removed':
      return { ...state, rows: state.rows.filter((row) => row.key !== action.key) };
    case 'conversion-received': {
      const { conversion } = action;
      if (state.deletedIds[conversion.id]) return state;
      return withConversion(state, mergeSnapshot(state.conversions[conversion.id], conversion));
    }
    case 'conversion-problem-changed': {
      const { [action.id]: _, ...others } = state.conversionProblems;
      const problem = action.problem ? { [action.id]: action.problem } : {};
      return { ...state, conversionProblems: { ...others, ...problem } };
    }
    case 'progress-received':
      return withProgress(state, action.progress);
    case 'item-deleted':
      return withoutItem(state, action.id);
    case 'connection-changed':
      return withConnection(state, action.connection);
    case 'language-changed':
      return { ...state, language: action.language };
    case 'announced': {
      const sequence = state.announcement.sequence + 1;
      return { ...state, announcement: { text: action.text, sequence } };
    }
  }
}

/** Change the connection. Once it is back, it is no longer true that it is missing. */
function withConnection(state: State, connection: State['connection']): State {
  if (connection === 'offline') return { ...state, connection };
  const isOther = (problem?: { code: string }) => problem?.code !== 'network';
  const problems = Object.entries(state.conversionProblems).filter(([, each]) => isOther(each));
  return {
    ...updateRows(state, (row) => (isOther(row.problem) ? row : { ...row, problem: undefined })),
    conversionProblems: Object.fromEntries(problems),
    connection,
  };
}

function updateRows(state: State, update: (row: Row) => Row): State {
  let changed = false;
  const rows = state.rows.map((row) => {
    const next = update(row);
    changed ||= next !== row;
    return next;
  });
  return changed ? { ...state, rows } : state;
}

function withConversion(state: State, conversion: Conversion): State {
  if (state.conversions[conversion.id] === conversion) return state;
  return withDraftEnded(
    { ...state, conversions: { ...state.conversions, [conversion.id]: conversion } },
    conversion.upload_id,
  );
}

/** End the draft of a file that was uploaded early, as soon as it has a conversion. */
function withDraftEnded(state: State, uploadId: string): State {
  return updateRows(state, (row) => {
    if (row.stage !== 'draft' || row.upload?.id !== uploadId) return row;
    return { ...row, stage: row.upload.status === 'uploaded' ? 'uploaded' : 'uploading' };
  });
}

function withProgress(state: State, progress: Progress): State {
  const known = state.conversions[progress.id];
  if (known) return withConversion(state, mergeConversionProgress(known, progress));
  return updateRows(state, (row) => {
    if (row.upload?.id !== progress.id) return row;
    const upload = mergeUploadProgress(row.upload, progress);
    return upload === row.upload ? row : withFinalStage({ ...row, upload });
  });
}

/**
 * Update the stage of a row whose upload has ended.
 *
 * The stage of a row that this tab uploads is left to its uploader.
 */
function withFinalStage(row: Row): Row {
  const { upload } = row;
  const isOwn = row.stage === 'uploading' || row.stage === 'draft';
  if (!upload || !isFinal(upload) || isOwn) return row;
  const stage = upload.status === 'uploaded' ? 'uploaded' : 'failed';
  return { ...row, stage, problem: upload.error };
}

/** Remove an upload with its conversions, or a single conversion. */
function withoutItem(state: State, id: string): State {
  const deletedIds = { ...state.deletedIds, [id]: true as const };
  const remaining = Object.entries(state.conversions).filter(([conversionId, conversion]) => {
    const isDeleted = conversionId === id || conversion.upload_id === id;
    if (isDeleted) deletedIds[conversionId] = true;
    return !isDeleted;
  });
  return {
    ...state,
    deletedIds,
    conversions: Object.fromEntries(remaining),
    rows: state.rows.filter((row) => row.upload?.id !== id),
  };
}

/** Return the rows that the user has not removed. */
export const shownRows = ({ rows }: Pick<State, 'rows'>) =>
  rows.some(({ isRemoved }) => isRemoved) ? rows.filter(({ isRemoved }) => !isRemoved) : rows;

/** Return the shown files that were not started. */
export const draftsOf = (state: Pick<State, 'rows'>) =>
  shownRows(state).filter(({ stage, isStarted }) => stage === 'draft' && !isStarted);

/** Return true if a conversion of this file was ever started. It may have been deleted since. */
export const wasConverted = (state: Pick<State, 'conversions'>, upload: Upload): boolean =>
  upload.conversions.length > 0 ||
  Object.values(state.conversions).some((conversion) => conversion.upload_id === upload.id);

/** Return the conversions of a row, oldest first. */
export function selectConversions(state: Pick<State, 'conversions'>, row: Row): Conversion[] {
  if (!row.upload) return [];
  const uploadId = row.upload.id;
  return Object.values(state.conversions)
    .filter((conversion) => conversion.upload_id === uploadId)
    .sort((a, b) => a.created_at.localeCompare(b.created_at));
}
