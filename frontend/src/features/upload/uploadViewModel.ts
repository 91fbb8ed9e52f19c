import { formatBytes, formatBytesOf, formatDuration, formatTimeLeft } from '../../lib/formatting';
import type { Row } from '../../state/state';
import { t } from '../../i18n';

/** With more segments, a segment would be narrower than a pixel on a phone. */
const MAX_SEGMENTS = 48;

/** The content of the upload progress bar of a row. */
export interface UploadViewModel {
  percent: number;
  /** The sent share of each segment, from 0 to 1. A segment stands for one or more parts. */
  segments: { fraction: number; isComplete: boolean }[];
  completedParts: number;
  partCount: number;
  status: string;
  details: string[];
}

/**
 * Return what the upload progress bar of a row shows, or undefined if it has no upload.
 *
 * `isOffline` may be known before the first request of the upload fails. It is about the service:
 * while bytes move, S3 can be reached.
 */
export function uploadViewModel(row: Row, isOffline = false): UploadViewModel | undefined {
  const { upload, transfer, stage } = row;
  if (!upload) return undefined;
  const partCount = upload.part_count;
  const isUploaded = stage === 'uploaded' || upload.status === 'uploaded';
  const completed = transfer?.completedParts ?? new Set(upload.completed_parts);
  // Events about an upload in another tab give only its bytes. The parts are then counted from
  // the first one.
  const estimate = Math.floor(share(upload.uploaded_bytes, upload.size) * partCount);
  const completedCount = transfer ? completed.size : Math.max(completed.size, estimate);
  const isComplete = (n: number) =>
    isUploaded || completed.has(n) || (!transfer && n <= completedCount);
  const fraction = (n: number) => (isComplete(n) ? 1 : (transfer?.partProgress[n] ?? 0));
  const sent = isUploaded ? upload.size : (transfer?.sentBytes ?? upload.uploaded_bytes);
  return {
    percent: Math.floor(100 * share(sent, upload.size)),
    segments: segments(partCount, fraction, isComplete),
    completedParts: isUploaded ? partCount : completedCount,
    partCount,
    status: isUploaded ? t.uploaded : uploadStatus(row, isOffline),
    details: isUploaded ? [] : detailTexts(sent, upload.size, transfer?.speed),
  };
}

/** Return the share of the size, which is 0 while a tus client has not sent it. */
function share(bytes: number, size: number): number {
  return size > 0 ? bytes / size : 0;
}

function segments(
  partCount: number,
  fraction: (partNumber: number) => number,
  isComplete: (partNumber: number) => boolean,
): UploadViewModel['segments'] {
  const count = Math.min(partCount, MAX_SEGMENTS);
  const firstPart = (segment: number) => Math.floor((segment * partCount) / count) + 1;
  return Array.from({ length: count }, (_, segment) => {
    const [from, to] = [firstPart(segment), firstPart(segment + 1)];
    const parts = Array.from({ length: to - from }, (_each, i) => from + i);
    const sent = parts.reduce((sum, n) => sum + fraction(n), 0);
    return { fraction: sent / parts.length, isComplete: parts.every(isComplete) };
  });
}

/** Return what happens to an upload that is not complete, or what it waits for. */
export function uploadStatus({ stage, transfer }: Row, isOffline = false): string {
  if (stage === 'other-tab') return t.uploadingElsewhere;
  if (stage === 'interrupted') return t.interrupted;
  if (!transfer || stage === 'queued') return t.queued;
  if (transfer.phase === 'paused') return t.paused;
  if (transfer.phase === 'failed') return t.uploadStopped;
  if (transfer.isWaitingForTurn) return t.queued;
  const isMoving = transfer.phase === 'uploading' && !transfer.isStalled;
  if (transfer.waitingFor === 'network' || (isOffline && !isMoving)) return t.waitingForNetwork;
  if (transfer.waitingFor === 'server') return t.serviceBusy;
  if (transfer.isStalled) return t.stalled;
  if (transfer.phase === 'creating') return t.preparing;
  if (transfer.phase === 'finishing') return t.completing;
  return transfer.viaService ? t.uploadingViaService : t.uploading;
}

function detailTexts(sent: number, size: number, speed: number | undefined): string[] {
  const texts = [formatBytesOf(sent, size)];
  if (!speed) return texts;
  texts.push(`${formatBytes(speed)}/s`);
  const secondsLeft = (size - sent) / speed;
  if (secondsLeft > 0) {
    const isLong = secondsLeft >= 86_400;
    texts.push(isLong ? formatDuration(secondsLeft) : formatTimeLeft(secondsLeft));
  }
  return texts;
}
