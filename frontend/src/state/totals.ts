import { isFinal } from './merge';
import { selectConversions, shownRows } from './reducer';
import type { Row, State } from './state';
import { t } from '../i18n';

/** Share of a file's work that its upload counts for. Its conversion is the rest. */
const UPLOAD_SHARE = 0.5;

/** Progress of all started files together. */
export interface Totals {
  started: number;
  done: number;
  failed: number;
  /** From 0 to 100. */
  percent: number;
}

/** Sum up the progress of all files that were started. Drafts do not count. */
export function totalsOf(state: Pick<State, 'rows' | 'conversions'>): Totals {
  const outcomes = shownRows(state)
    .map((row) => outcomeOf(state, row))
    .filter((each) => each !== null);
  const started = outcomes.length;
  const sum = outcomes.reduce((total, { share }) => total + share, 0);
  return {
    started,
    done: outcomes.filter(({ isDone }) => isDone).length,
    failed: outcomes.filter(({ isFailed }) => isFailed).length,
    percent: started ? Math.floor((100 * sum) / started) : 0,
  };
}

function outcomeOf(state: Pick<State, 'conversions'>, row: Row) {
  const { stage, upload, transfer, isStarted } = row;
  if ((stage === 'draft' && !isStarted) || stage === 'rejected') return null;
  if (stage === 'failed' || transfer?.phase === 'failed') {
    return { share: 1, isDone: false, isFailed: true };
  }
  if (stage !== 'uploaded') {
    const sent = transfer?.sentBytes ?? upload?.uploaded_bytes ?? 0;
    return { share: UPLOAD_SHARE * (sent / row.size), isDone: false, isFailed: false };
  }
  const last = selectConversions(state, row).findLast(({ status }) => status !== 'cancelled');
  if (!last) return null;
  const isFailed = last.status === 'failed';
  const share = isFinal(last) ? 1 : UPLOAD_SHARE + (1 - UPLOAD_SHARE) * (last.percent / 100);
  return { share, isDone: isFinal(last) && !isFailed, isFailed };
}

/** Return the title of the tab, which shows the progress while the tab is in the background. */
export function pageTitle({ started, done, failed, percent }: Totals): string {
  if (started === 0) return 'TinyPixo';
  if (done + failed < started) return `${t.titleRunning(percent, done, started)} · TinyPixo`;
  return `${t.titleEnded(done, failed)} · TinyPixo`;
}
