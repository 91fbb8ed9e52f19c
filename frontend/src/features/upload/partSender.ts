import {
  ApiError,
  FileChangedError,
  HttpError,
  NetworkError,
  StorageError,
} from '../../api/errors';
import { backoffDelayMs, isRetryableStatus } from '../../api/retry';
import type { Upload } from '../../api/types';
import type { Environment } from '../../lib/environment';
import type { BandwidthLimiter } from './bandwidthLimiter';
import { PartReporter } from './partReporter';
import { PresignedUrlCache } from './presignedUrlCache';
import type { TransferTracker } from './transferTracker';
import type { UploadApi } from './uploadApi';

/** Parts of one upload that may be in flight, or wait to be sent again. */
const MAX_PARALLEL_PARTS = 4;
/** Browsers allow six connections per origin, shared with the event stream. */
const MAX_PARALLEL_PARTS_VIA_SERVICE = 2;
/** Unanswered requests to S3 after which parts go through the service, if it answers. */
const MAX_UNREACHABLE_STORAGE = 2;
/** Error responses to one part after which the user is told. */
const MAX_REFUSALS_PER_PART = 10;
/** Losses of one part up to which the pauses grow. */
const MAX_COUNTED_LOSSES = 9;

export interface PartSenderOptions {
  api: UploadApi;
  environment: Environment;
  file: Blob;
  limiter: BandwidthLimiter;
  tracker: TransferTracker;
  signal: AbortSignal;
  /** Repeats a request until it is answered. */
  request: <T>(call: () => Promise<T>) => Promise<T>;
}

/** Send the missing parts of one upload, several at a time. */
export class PartSender {
  private heldTurns = 0;
  private waitingTurns = 0;
  /** True after an error that ends this upload, or this attempt at its missing parts. */
  private isStopped = false;

  constructor(private readonly options: PartSenderOptions) {}

  async sendMissingParts(upload: Upload): Promise<void> {
    const { api, environment, request, signal, tracker } = this.options;
    const { completedParts } = tracker.current;
    const missing = Array.from({ length: upload.part_count }, (_, i) => i + 1).filter(
      (partNumber) => !completedParts.has(partNumber),
    );
    const urls = new PresignedUrlCache(missing, (partNumbers) =>
      request(() => api.signParts(upload.id, partNumbers, signal)),
    );
    await new Promise<void>((resolve, reject) => {
      const stop = (error: Error) => {
        this.isStopped = true;
        reject(error);
      };
      const reporter = new PartReporter({
        report: (partNumbers) => request(() => api.reportParts(upload.id, partNumbers, signal)),
        onReported: (answer) => tracker.reported(answer),
        onError: stop,
        now: environment.now,
      });
      const sendAll = async () => {
        const begun = new Set<Promise<void>>();
        for (const partNumber of missing) {
          while (begun.size >= this.maxParallelParts) await Promise.race(begun);
          const body = this.bodyOf(upload, partNumber);
          await this.takeTurn(body.size);
          const part = this.sendPart(upload.id, partNumber, body, urls, reporter).finally(() =>
            begun.delete(part),
          );
          part.catch(stop);
          begun.add(part);
        }
        await Promise.all(begun);
        await reporter.flush();
      };
      sendAll().then(resolve, stop);
    });
  }

  private get maxParallelParts(): number {
    const { viaService } = this.options.tracker.current;
    return viaService ? MAX_PARALLEL_PARTS_VIA_SERVICE : MAX_PARALLEL_PARTS;
  }

  /** Return the bytes of a part. The last part may be shorter than the others. */
  private bodyOf({ part_size: partSize, size }: Upload, partNumber: number): Blob {
    const start = (partNumber - 1) * partSize;
    return this.options.file.slice(start, Math.min(start + partSize, size));
  }

  /** Wait for the turn of a part of `size` bytes. Rejects if the upload has stopped meanwhile. */
  private async takeTurn(size: number, isRetry = false): Promise<void> {
    const { limiter, signal } = this.options;
    this.waitingTurns++;
    const turn = limiter.take(size, signal, isRetry, () => {
      this.waitingTurns--;
      this.heldTurns++;
    });
    this.showTurns();
    await turn;
    this.showTurns();
    if (!this.isStopped) return;
    this.endTurn('release', size);
    throw new Error('stopped');
  }

  private endTurn(end: 'arrived' | 'lost' | 'release', size: number): void {
    this.heldTurns--;
    this.options.limiter[end](size);
    this.showTurns();
  }

  /** Report that this upload waits for others while none of its parts has a turn. */
  private showTurns(): void {
    const { signal, tracker } = this.options;
    const isWaitingForTurn = this.waitingTurns > 0 && this.heldTurns === 0;
    if (signal.aborted || this.isStopped) return;
    if (isWaitingForTurn !== tracker.current.isWaitingForTurn) tracker.update({ isWaitingForTurn });
  }

  private async sendPart(
    uploadId: string,
    partNumber: number,
    body: Blob,
    urls: PresignedUrlCache,
    reporter: PartReporter,
  ): Promise<void> {
    const { environment, signal, tracker } = this.options;
    let [losses, refusals, unreachable] = [0, 0, 0];
    for (let isRetry = false; ; isRetry = true) {
      if (isRetry) await this.takeTurn(body.size, true);
      try {
        const answer = await this.putPart(uploadId, partNumber, body, urls);
        this.endTurn('arrived', body.size);
        tracker.partCompleted(partNumber, answer);
        if (!answer) reporter.add(partNumber);
        return;
      } catch (error) {
        const isLost = error instanceof NetworkError && !signal.aborted;
        this.endTurn(isLost ? 'lost' : 'release', body.size);
        if (signal.aborted) throw error;
        let failures: number;
        const hasMoved = partNumber in tracker.current.partProgress;
        tracker.partFailed(partNumber);
        if (error instanceof StorageError) urls.clear();
        if (error instanceof NetworkError) {
          await assertReadable(body);
          const answer = await this.fetchUploadIfReachable(uploadId);
          if (answer?.completed_parts.includes(partNumber)) {
            return tracker.partCompleted(partNumber, answer);
          }
          if (answer && ++unreachable >= MAX_UNREACHABLE_STORAGE) {
            tracker.update({ viaService: true });
            tracker.setWaiting(partNumber, undefined);
            continue;
          }
          tracker.setWaiting(partNumber, 'network');
          // A lost part is repeated without limit, after pauses that grow. If bytes were sent, the
          // network was back meanwhile, so the pause is shorter.
          losses = Math.min(losses + 1, MAX_COUNTED_LOSSES);
          failures = hasMoved ? Math.ceil(losses / 2) : losses;
        } else {
          failures = ++refusals;
          if (!isWorthRetrying(error) || refusals >= MAX_REFUSALS_PER_PART) throw error;
          if (error instanceof HttpError && isRetryableStatus(error.status)) {
            tracker.setWaiting(partNumber, 'server');
          }
        }
        await environment.sleep(backoffDelayMs(failures, environment, error), signal);
      }
    }
  }

  /** Send a part, and return the answer of the service if the part went through it. */
  private async putPart(
    uploadId: string,
    partNumber: number,
    body: Blob,
    urls: PresignedUrlCache,
  ): Promise<Upload | undefined> {
    const { api, limiter, signal, tracker } = this.options;
    let sent = 0;
    const onBytesSent = (bytes: number) => {
      tracker.partProgressed(partNumber, Math.min(bytes, body.size), body.size);
      limiter.sent(bytes - sent);
      sent = bytes;
    };
    if (tracker.current.viaService) {
      return api.putPartToService(uploadId, partNumber, body, onBytesSent, signal);
    }
    await api.putPartToStorage(await urls.take(partNumber), body, onBytesSent, signal);
    return undefined;
  }

  /**
   * Ask the service for the upload after S3 gave no answer.
   *
   * Return undefined if the service gives no answer either, because then the network is down,
   * and not only S3. Return undefined as well if parts go through the service already.
   */
  private async fetchUploadIfReachable(id: string): Promise<Upload | undefined> {
    const { api, signal, tracker } = this.options;
    if (tracker.current.viaService) return undefined;
    try {
      return await api.getUpload(id, signal);
    } catch (error) {
      if (error instanceof ApiError && error.status === 404) throw error;
      return undefined;
    }
  }
}

/**
 * Return true if sending a part again, with a new URL, may succeed.
 *
 * Only the service can say that an upload is closed. A refusal by S3 may be an expired URL.
 */
function isWorthRetrying(error: unknown): boolean {
  if (error instanceof StorageError) return true;
  if (!(error instanceof ApiError)) return false;
  const isAboutThisPart =
    (error.status === 409 || error.status === 422) &&
    error.code !== 'upload_closed' &&
    error.code !== 'part_number_invalid';
  return isRetryableStatus(error.status) || isAboutThisPart;
}

/**
 * Raise FileChangedError if the file cannot be read any more.
 *
 * Browsers report a changed file like a missing network. Reading one byte tells them apart.
 */
async function assertReadable(body: Blob): Promise<void> {
  await body
    .slice(0, 1)
    .arrayBuffer()
    .catch(() => {
      throw new FileChangedError();
    });
}
