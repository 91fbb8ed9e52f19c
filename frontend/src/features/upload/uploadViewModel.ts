import type { Row } from '../../state/reducer';
import { bytesOf, clock, timeLeft, bytes } from '../../lib/formatting';

/** More segments than this are thinner than a pixel on a phone; each then stands for several chunks. */
const MOST_SEGMENTS = 48;

export interface UploadView {
  percent: number;
  /** How full each segment is, 0 to 1, and whether the service has all of it. */
  segments: { share: number; done: boolean }[];
  done: number;
  total: number;
  words: string;
  numbers: string[];
}

/** What the upload bar of a row shows; undefined while there is no upload. `offline` may be known before any request fails. */
export function uploadView(row: Row, offline = false): UploadView | undefined {
  const { upload, transfer, stage } = row;
  if (!upload) return undefined;
  const total = upload.part_count;
  const arrived = stage === 'stored' || upload.status === 'uploaded';
  const finished = transfer?.done ?? new Set(upload.completed_parts);
  // Of another tab's upload only the sum is known from events; which chunks it were does not matter to anybody.
  const counted = transfer
    ? finished.size
    : Math.max(finished.size, Math.floor((upload.uploaded_bytes / upload.size) * total));
  const has = (n: number) => arrived || finished.has(n) || (!transfer && n <= counted);
  const share = (n: number) => (has(n) ? 1 : (transfer?.active[n] ?? 0));
  const sent = arrived ? upload.size : (transfer?.sentBytes ?? upload.uploaded_bytes);
  const done = arrived ? total : counted;
  return {
    percent: Math.floor((100 * sent) / upload.size),
    segments: segments(total, share, has),
    done,
    total,
    words: inWords(row, arrived, offline),
    numbers: numbers(row, sent, arrived, offline),
  };
}

function segments(
  total: number,
  share: (n: number) => number,
  has: (n: number) => boolean,
): UploadView['segments'] {
  const count = Math.min(total, MOST_SEGMENTS);
  const first = (segment: number) => Math.floor((segment * total) / count) + 1;
  return Array.from({ length: count }, (_, segment) => {
    const [from, to] = [first(segment), first(segment + 1)];
    const mine = Array.from({ length: to - from }, (_each, i) => from + i);
    return {
      share: mine.reduce((sum, n) => sum + share(n), 0) / mine.length,
      done: mine.every(has),
    };
  });
}

function inWords({ stage, transfer }: Row, arrived: boolean, offline: boolean): string {
  if (arrived) return 'Uploaded';
  if (stage === 'elsewhere') return 'Uploading in another tab';
  if (stage === 'orphan') return 'Upload interrupted';
  if (!transfer || stage === 'queued') return 'Waiting for its turn';
  if (transfer.phase === 'paused') return 'Paused';
  if (transfer.phase === 'failed') return 'Upload stopped';
  if (transfer.waiting === 'network' || offline) return 'Waiting for network';
  if (transfer.waiting === 'server') return 'The service is busy, trying again';
  if (transfer.phase === 'finishing') return 'Putting the chunks together';
  return transfer.viaService ? 'Uploading through the service' : 'Uploading';
}

function numbers(
  { upload, transfer }: Row,
  sent: number,
  arrived: boolean,
  offline: boolean,
): string[] {
  const size = upload!.size;
  if (arrived) return [];
  const speed = offline ? undefined : transfer?.speed;
  const left = speed ? (size - sent) / speed : undefined;
  return [
    bytesOf(sent, size),
    ...(speed ? [`${bytes(speed)}/s`] : []),
    ...(left !== undefined && left > 0 ? [left < 86_400 ? timeLeft(left) : clock(left)] : []),
  ];
}
