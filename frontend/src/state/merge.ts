import type { Conversion, Phase, Progress, Upload } from '../api/types';

/**
 * News about one thing arrives by several ways (answers, events, polls) and in any order.
 * `version` grows with each write on the server, so it alone decides what is newer; what is final stays.
 */

const FINAL = new Set<string>(['uploaded', 'aborted', 'failed', 'completed', 'cancelled']);
export const isFinal = (thing: { status: string }) => FINAL.has(thing.status);

interface Versioned {
  status: string;
  version: number;
}

/** A whole object may repeat a version: it then fills in what an event with that version left out. */
export function newerSnapshot<T extends Versioned>(known: T | undefined, incoming: T): T {
  if (!known) return incoming;
  if (incoming.version < known.version) return known;
  return isFinal(known) && !isFinal(incoming) ? known : incoming;
}

function isNews(known: Versioned, progress: Progress): boolean {
  return progress.version > known.version && !(isFinal(known) && !isFinal(progress));
}

/** Optional fields that an event leaves out are over, not unchanged: an ETA must not outlive its phase. */
export function withConversionProgress(known: Conversion, progress: Progress): Conversion {
  if (!isNews(known, progress)) return withQueuePosition(known, progress);
  return {
    ...known,
    status: progress.status as Conversion['status'],
    phase: (progress.phase as Phase | null | undefined) ?? known.phase,
    percent: progress.percent,
    eta_seconds: progress.eta_seconds,
    speed: progress.speed,
    queue_position: progress.queue_position,
    error: progress.error,
    version: progress.version,
  };
}

/** Others move ahead of us without a write to our item: the place in the queue changes within one version. */
function withQueuePosition(known: Conversion, progress: Progress): Conversion {
  const moved =
    progress.version === known.version &&
    typeof progress.queue_position === 'number' &&
    progress.queue_position !== known.queue_position;
  return moved ? { ...known, queue_position: progress.queue_position } : known;
}

export function withUploadProgress(known: Upload, progress: Progress): Upload {
  if (!isNews(known, progress)) return known;
  return {
    ...known,
    status: progress.status as Upload['status'],
    percent: progress.percent,
    uploaded_bytes: progress.uploaded_bytes ?? known.uploaded_bytes,
    error: progress.error,
    version: progress.version,
  };
}
