import { ApiError, ownProblem, toProblem } from '../../api/errors';
import { withRetries } from '../../api/retry';
import type { Upload, StartUploadRequest } from '../../api/types';
import { randomKey, type Environment } from '../../lib/environment';
import type { BandwidthLimiter } from './bandwidthLimiter';
import { PartSender } from './partSender';
import type { Transfer } from './transfer';
import { TransferTracker } from './transferTracker';
import type { UploadApi } from './uploadApi';

/** Interval of updates while no byte is sent. */
const TICK_MS = 1_000;
/** Attempts to complete an upload in which the service still misses parts. */
const MAX_ROUNDS = 4;

export interface MultipartUploaderOptions {
  api: UploadApi;
  environment: Environment;
  /** Shared by all uploads of this tab. */
  limiter: BandwidthLimiter;
  file: Blob;
  /** Used to create the upload, unless `upload` is given. */
  request: StartUploadRequest | Promise<StartUploadRequest>;
  /** An existing upload to continue. */
  upload?: Upload;
  viaService?: boolean;
  onChange: (transfer: Transfer) => void;
  /** Called if the upload was created after `cancel`. The caller has to delete it. */
  onCreatedAfterCancel?: (upload: Upload) => void;
}

/** Upload one file in parts: create or continue the upload, send missing parts, complete it. */
export class MultipartUploader {
  private readonly tracker: TransferTracker;
  private abortController = new AbortController();
  /** All attempts to create the upload use it, so that a lost answer creates no other upload. */
  private readonly idempotencyKey = randomKey();
  private markCreated: () => void = () => undefined;
  /** Resolves when the upload was created, or when that has failed. */
  readonly created = new Promise<void>((resolve) => (this.markCreated = resolve));

  constructor(private readonly options: MultipartUploaderOptions) {
    this.tracker = new TransferTracker(options);
  }

  get transfer(): Transfer {
    return this.tracker.current;
  }

  /**
   * Start the upload, or resume it after a pause or a failure.
   *
   * Resolves when the upload is done, failed, paused or cancelled. Never rejects.
   */
  async run(): Promise<void> {
    const abortController = (this.abortController = new AbortController());
    const { signal } = abortController;
    this.tracker.restart();
    const ticker = setInterval(() => this.tracker.tick(), TICK_MS);
    signal.addEventListener('abort', () => clearInterval(ticker));
    try {
      await this.upload(signal);
      if (signal.aborted) return;
      // If the service closed the upload early, some parts may still be in flight.
      abortController.abort();
      this.tracker.stop('done');
    } catch (error) {
      if (signal.aborted) return;
      // One part failed for good: abort the others.
      abortController.abort();
      this.tracker.stop('failed', { error: toProblem(error) });
    } finally {
      clearInterval(ticker);
      this.markCreated();
    }
  }

  pause(): void {
    if (this.transfer.phase !== 'uploading' || !this.transfer.upload) return;
    this.abortController.abort();
    this.tracker.stop('paused');
  }

  cancel(): void {
    this.abortController.abort();
  }

  private async upload(signal: AbortSignal): Promise<void> {
    const { api, onCreatedAfterCancel } = this.options;
    const request = await this.options.request;
    const existing = this.transfer.upload;
    let upload = await this.request(signal, () =>
      existing
        ? api.getUpload(existing.id, signal)
        : api.createUpload(request, this.idempotencyKey),
    );
    if (signal.aborted) {
      if (!existing) onCreatedAfterCancel?.(upload);
      return;
    }
    const completedParts = new Set(upload.completed_parts);
    this.tracker.update({ phase: 'uploading', upload, completedParts });
    this.markCreated();
    for (let round = 1; upload.status === 'uploading' && round <= MAX_ROUNDS; round++) {
      upload = await this.sendAndComplete(upload, signal);
    }
    if (upload.status !== 'uploaded') {
      throw new ApiError(
        409,
        upload.error?.code ?? 'upload_closed',
        upload.error?.detail ?? ownProblem('upload_stopped').detail,
        undefined,
        undefined,
        upload.error?.reason,
      );
    }
    this.tracker.update({ upload });
  }

  /**
   * Send the missing parts and complete the upload.
   *
   * If the service still misses parts, or has closed the upload, return its view of the upload.
   */
  private async sendAndComplete(upload: Upload, signal: AbortSignal): Promise<Upload> {
    const { api, environment, file, limiter } = this.options;
    const { tracker } = this;
    const request = <T>(call: () => Promise<T>) => this.request(signal, call);
    try {
      const sender = new PartSender({
        api,
        environment,
        file,
        limiter,
        tracker,
        signal,
        request,
      });
      await sender.sendMissingParts(upload);
      tracker.update({ phase: 'finishing', partProgress: {} });
      return await request(() => api.completeUpload(upload.id, signal));
    } catch (error) {
      const canContinue =
        error instanceof ApiError &&
        (error.code === 'upload_incomplete' || error.code === 'upload_closed');
      if (!canContinue) throw error;
      const latest = await request(() => api.getUpload(upload.id, signal));
      const missing = new Set(error.missingParts);
      const completedParts = new Set(latest.completed_parts.filter((n) => !missing.has(n)));
      tracker.update({ phase: 'uploading', upload: latest, completedParts });
      return latest;
    }
  }

  private request<T>(signal: AbortSignal, call: () => Promise<T>): Promise<T> {
    return withRetries(call, {
      environment: this.options.environment,
      signal,
      onWaiting: (reason) => this.tracker.setWaiting(call, reason),
    });
  }
}
