import { formatName } from '../features/conversion/conversionSettings';
import type { Row, State } from './state';
import { totalsOf } from './totals';
import { describeProblem, type ProblemSummary } from '../api/errors';
import { t } from '../i18n';

/** Number of files from which not every single step is announced. */
const MANY_FILES = 4;

/**
 * Return the sentences that a screen reader should read after a change of the state.
 *
 * Only the start and the end of work are announced. Percentages would interrupt the user.
 */
export function announcementsFor(before: State, after: State): string[] {
  const details = [...rowAnnouncements(before, after), ...conversionAnnouncements(before, after)];
  return [
    ...connectionAnnouncements(before, after),
    ...addedAnnouncements(before, after),
    ...(after.rows.length < MANY_FILES ? details : summaryAnnouncements(before, after)),
  ];
}

function addedAnnouncements(before: State, after: State): string[] {
  if (after.rows === before.rows) return [];
  const known = new Set(before.rows.map(({ key }) => key));
  const added = after.rows.filter(({ key, unsaved }) => unsaved === 'copying' && !known.has(key));
  if (added.length === 0) return [];
  return [added.length === 1 ? t.wasAdded(added[0]!.name) : t.wereAdded(added.length)];
}

/** With many files, only their count is announced. */
function summaryAnnouncements(before: State, after: State): string[] {
  if (after.rows === before.rows && after.conversions === before.conversions) return [];
  const [old, { started, done, failed }] = [totalsOf(before), totalsOf(after)];
  if (done + failed <= old.done + old.failed) return [];
  return [`${t.totals(done, started, failed)}.`];
}

function connectionAnnouncements(before: State, after: State): string[] {
  if (after.connection === before.connection) return [];
  if (after.connection === 'offline') {
    return [t.connectionLost];
  }
  return before.connection === 'offline' ? [t.connectionBack] : [];
}

const reasonOf = (problem: ProblemSummary | undefined) =>
  problem ? describeProblem(problem).text : '';

function rowAnnouncements(before: State, after: State): string[] {
  if (after.rows === before.rows) return [];
  const known = new Map(before.rows.map((row) => [row.key, row]));
  return after.rows.flatMap((row) => {
    const old = known.get(row.key);
    return !old || old === row ? [] : changesOfRow(old, row);
  });
}

function changesOfRow(old: Row, row: Row): string[] {
  const { name, stage, problem, transfer } = row;
  const texts: string[] = [];
  if (stage === 'uploaded' && old.stage === 'uploading') texts.push(t.uploadFinished(name));
  if (stage === 'failed' && old.stage !== 'failed') {
    texts.push(t.uploadFailedBecause(name, reasonOf(problem)));
  }
  if (transfer?.phase === 'failed' && old.transfer?.phase !== 'failed') {
    texts.push(t.uploadStoppedBecause(name, reasonOf(transfer.error)));
  }
  if (transfer?.waitingFor === 'network' && old.transfer?.waitingFor !== 'network') {
    texts.push(t.waitsForNetwork(name));
  }
  if (problem && problem !== old.problem && stage !== 'failed') {
    texts.push(`${name}: ${reasonOf(problem)}`);
  }
  return texts;
}

function conversionAnnouncements(before: State, after: State): string[] {
  if (after.conversions === before.conversions) return [];
  return Object.values(after.conversions).flatMap((conversion) => {
    const { id, status, upload_id: uploadId, error } = conversion;
    const old = before.conversions[id];
    if (!old || old.status === status) return [];
    const name = after.rows.find((row) => row.upload?.id === uploadId)?.name ?? t.theFile;
    const format = formatName(conversion.format);
    if (status === 'converting') return [t.isConverting(name, format)];
    if (status === 'completed') return [t.isReady(name, format)];
    if (status === 'failed') {
      return [t.conversionFailedBecause(name, format, reasonOf(error))];
    }
    if (status === 'cancelled') return [t.wasCancelled(name, format)];
    return [];
  });
}
