import type { ProblemSummary } from '../../api/errors';
import type { Upload } from '../../api/types';
import type { WaitReason } from '../../api/retry';

/**
 * The progress of one upload in this tab.
 * Phases: creating → uploading ⇄ paused; uploading → finishing → done; finishing → uploading if the
 * service lacks parts. Creating, uploading and finishing can fail; a failed upload can be resumed.
 */
export interface Transfer {
  phase: 'creating' | 'uploading' | 'paused' | 'finishing' | 'done' | 'failed';
  /** Set while nothing moves, because a request waits for its next attempt. */
  waitingFor?: WaitReason;
  /** True while parts wait, and only parts of other uploads are sent. */
  isWaitingForTurn: boolean;
  /** True if no byte was sent for some seconds, although no request has failed yet. */
  isStalled?: boolean;
  upload?: Upload;
  completedParts: ReadonlySet<number>;
  /** Share of each part in flight that has been sent, from 0 to 1, by part number. */
  partProgress: Readonly<Record<number, number>>;
  sentBytes: number;
  /** Bytes per second. */
  speed?: number;
  /** True if parts go through the upload service, because S3 cannot be reached. */
  viaService: boolean;
  error?: ProblemSummary;
}

/** Return the number of bytes in completed parts. The last part may be shorter than the others. */
export function completedBytes(parts: ReadonlySet<number>, upload: Upload | undefined): number {
  if (!upload) return 0;
  const { part_count: count, part_size: partSize, size } = upload;
  const missingInLastPart = parts.has(count) ? count * partSize - size : 0;
  return parts.size * partSize - missingInLastPart;
}
