// Updates about one item arrive by responses, events and polls, in any order. The service
// increments `version` with each write, so the version alone decides which one is newer.

import type { Conversion, Phase, Progress, Upload } from '../api/types';

const FINAL_STATUSES = new Set<string>(['uploaded', 'aborted', 'failed', 'completed', 'cancelled']);
export const isFinal = (item: { status: string }) => FINAL_STATUSES.has(item.status);

interface Versioned {
  status: string;
  version: number;
}

/**
 * Return the newer one of two documents of the same item. A final status is never undone.
 *
 * A document replaces one of the same version, because the latter may come from an event, which
 * has fewer fields.
 */
export function mergeSnapshot<T extends Versioned>(known: T | undefined, incoming: T): T {
  if (!known) return incoming;
  if (incoming.version < known.version) return known;
  return isFinal(known) && !isFinal(incoming) ? known : incoming;
}

function isNewer(known: Versioned, progress: Progress): boolean {
  return progress.version > known.version && !(isFinal(known) && !isFinal(progress));
}

/**
 * Apply a progress event to a conversion.
 *
 * Optional fields that the event leaves out are cleared: a time left must not outlive its phase.
 */
export function mergeConversionProgress(known: Conversion, progress: Progress): Conversion {
  if (!isNewer(known, progress)) return mergeQueuePosition(known, progress);
  return {
    ...known,
    status: progress.status as Conversion['status'],
    phase: progress.phase as Phase,
    percent: progress.percent,
    eta_seconds: progress.eta_seconds,
    speed: progress.speed,
    queue_position: progress.queue_position,
    error: progress.error,
    version: progress.version,
  };
}

/** The queue position changes without a new version when other conversions leave the queue. */
function mergeQueuePosition(known: Conversion, progress: Progress): Conversion {
  const position = progress.queue_position;
  const isMoved =
    progress.version === known.version &&
    typeof position === 'number' &&
    position !== known.queue_position;
  return isMoved ? { ...known, queue_position: position } : known;
}

/** Apply a progress event to an upload. */
export function mergeUploadProgress(known: Upload, progress: Progress): Upload {
  if (!isNewer(known, progress)) return known;
  return {
    ...known,
    status: progress.status as Upload['status'],
    percent: progress.percent,
    uploaded_bytes: progress.uploaded_bytes ?? known.uploaded_bytes,
    error: progress.error,
    version: progress.version,
  };
}
