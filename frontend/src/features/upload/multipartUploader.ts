import type { Api } from '../../api/client';
import {
  ApiError,
  FileChangedError,
  HttpError,
  inWords,
  NetworkError,
  StorageError,
} from '../../api/errors';
import { backOffMs, isTemporary, persist, type Waiting } from '../../api/retry';
import { Signer } from './presignedUrlCache';
import { SpeedMeter } from './speedMeter';
import type { NewUpload, Trouble, Upload } from '../../api/types';
import type { World } from '../../lib/environment';

/** Parts on the line at the same time: enough to fill a fast line, few enough for a browser's connection limit. */
const PARALLEL = 4;
/** Through the service they share one origin with the events and every other call, of which browsers allow six. */
const PARALLEL_BY_SERVICE = 2;
/** Times that one part may find storage silent, with the service answering, before the rest takes the other way. */
const UNREACHABLE = 2;
const MAX_TRIES_OF_A_PART = 10;
const MAX_ROUNDS = 4;
/** More often than this nobody sees a bar move. */
const EMIT_MS = 150;

export type Leg =
  | 'createUpload'
  | 'getUpload'
  | 'signParts'
  | 'putSigned'
  | 'putPart'
  | 'reportPart'
  | 'completeUpload';
export type UploadApi = Pick<Api, Leg>;

/**
 * creating → uploading ⇄ paused, uploading → finishing → done; any → failed → (resume) → uploading.
 * `waiting` says that nothing moves although we try.
 */
export interface Transfer {
  phase: 'creating' | 'uploading' | 'paused' | 'finishing' | 'done' | 'failed';
  waiting?: Waiting;
  upload?: Upload;
  done: ReadonlySet<number>;
  /** Share of each part on the line that has left, by part number. */
  active: Readonly<Record<number, number>>;
  sentBytes: number;
  speed?: number;
  viaService: boolean;
  error?: Trouble;
}

export interface UploaderOptions {
  api: UploadApi;
  world: World;
  file: Blob;
  /** Either what to create, or what to continue. */
  request: NewUpload;
  upload?: Upload;
  viaService?: boolean;
  onChange: (transfer: Transfer) => void;
  /** Created after it was cancelled: somebody has to delete it. */
  onOrphan?: (upload: Upload) => void;
}

export class Uploader {
  private transfer: Transfer;
  private stopper = new AbortController();
  private readonly sent = new Map<number, number>();
  private readonly meter = new SpeedMeter();
  private emitted = -Infinity;

  constructor(private readonly options: UploaderOptions) {
    const { upload, viaService = false } = options;
    this.transfer = {
      phase: upload ? 'uploading' : 'creating',
      upload,
      done: new Set(upload?.completed_parts),
      active: {},
      sentBytes: 0,
      viaService,
    };
  }

  get state(): Transfer {
    return this.transfer;
  }

  /** Starts, or goes on after a pause or a failure, with the parts that the service says are missing. */
  async run(): Promise<void> {
    const stopper = (this.stopper = new AbortController());
    this.sent.clear();
    this.meter.reset();
    this.set({
      phase: this.transfer.upload ? 'uploading' : 'creating',
      waiting: undefined,
      error: undefined,
      active: {},
    });
    try {
      await this.work(stopper.signal);
      if (stopper.signal.aborted) return;
      stopper.abort(); // whatever a closed upload left on the line
      this.set({ phase: 'done', active: {}, waiting: undefined, speed: undefined });
    } catch (error) {
      if (stopper.signal.aborted) return;
      stopper.abort(); // the other lanes
      this.set({
        phase: 'failed',
        error: inWords(error),
        active: {},
        waiting: undefined,
        speed: undefined,
      });
    }
  }

  pause(): void {
    if (this.transfer.phase !== 'uploading' || !this.transfer.upload) return;
    this.stopper.abort();
    this.set({ phase: 'paused', active: {}, waiting: undefined, speed: undefined });
  }

  cancel(): void {
    this.stopper.abort();
  }

  private async work(signal: AbortSignal): Promise<void> {
    const { api, request, onOrphan } = this.options;
    const known = this.transfer.upload;
    let upload = await this.leg(signal, () =>
      known ? api.getUpload(known.id, signal) : api.createUpload(request),
    );
    if (signal.aborted) {
      if (!known) onOrphan?.(upload);
      return;
    }
    this.set({ phase: 'uploading', upload, done: new Set(upload.completed_parts) });
    for (let round = 1; upload.status === 'uploading' && round <= MAX_ROUNDS; round++) {
      upload = await this.round(upload, signal);
    }
    if (upload.status !== 'uploaded')
      throw new ApiError(
        409,
        upload.error?.code ?? 'upload_closed',
        upload.error?.detail ?? 'This upload was stopped. Add the file again to start anew.',
      );
    this.set({ upload });
  }

  /** Sends what is missing and completes; a service that disagrees about either is believed. */
  private async round(upload: Upload, signal: AbortSignal): Promise<Upload> {
    const { api } = this.options;
    try {
      await this.sendMissing(upload, signal);
      this.set({ phase: 'finishing', active: {}, speed: undefined });
      return await this.leg(signal, () => api.completeUpload(upload.id, signal));
    } catch (error) {
      if (
        !(error instanceof ApiError) ||
        (error.code !== 'upload_incomplete' && error.code !== 'upload_closed')
      )
        throw error;
      const now = await this.leg(signal, () => api.getUpload(upload.id, signal));
      const missing = new Set(error.missingParts);
      this.set({
        phase: 'uploading',
        upload: now,
        done: new Set(now.completed_parts.filter((n) => !missing.has(n))),
      });
      return now;
    }
  }

  private async sendMissing(upload: Upload, signal: AbortSignal): Promise<void> {
    const queue = Array.from({ length: upload.part_count }, (_, i) => i + 1).filter(
      (n) => !this.transfer.done.has(n),
    );
    const signer = new Signer([...queue], (numbers) =>
      this.leg(signal, () => this.options.api.signParts(upload.id, numbers, signal)),
    );
    const lane = async (index: number): Promise<void> => {
      while (queue.length > 0 && !(this.transfer.viaService && index >= PARALLEL_BY_SERVICE)) {
        await this.sendPart(upload, queue.shift()!, signer, signal);
      }
    };
    await Promise.all(
      Array.from({ length: Math.min(PARALLEL, queue.length) }, (_, index) => lane(index)),
    );
  }

  private async sendPart(
    upload: Upload,
    n: number,
    signer: Signer,
    signal: AbortSignal,
  ): Promise<void> {
    const { api, file, world } = this.options;
    const body = file.slice(
      (n - 1) * upload.part_size,
      Math.min(n * upload.part_size, upload.size),
    );
    const onBytes = (bytes: number) => this.moved(n, Math.min(bytes, body.size), body.size);
    for (let tries = 1, unreachable = 0; ; tries++) {
      try {
        let answer: Upload;
        if (this.transfer.viaService) {
          answer = await api.putPart(upload.id, n, body, onBytes, signal);
        } else {
          await api.putSigned(await signer.get(n), body, onBytes, signal);
          answer = await this.leg(signal, () => api.reportPart(upload.id, n, signal));
        }
        return this.landed(n, answer);
      } catch (error) {
        if (signal.aborted) throw error;
        this.forget(n);
        if (error instanceof StorageError) signer.distrust();
        if (error instanceof NetworkError) {
          await assertReadable(body);
          const answer = this.transfer.viaService
            ? undefined
            : await this.whatTheServiceSays(upload.id, signal);
          if (answer?.completed_parts.includes(n)) return this.landed(n, answer);
          if (answer && ++unreachable >= UNREACHABLE) {
            this.set({ viaService: true, waiting: undefined });
            continue;
          }
          this.set({ waiting: 'network' });
          tries = Math.min(tries, MAX_TRIES_OF_A_PART - 1); // a missing network is waited for, however long
        } else if (!mayHelp(error) || tries >= MAX_TRIES_OF_A_PART) {
          throw error;
        } else if (error instanceof HttpError && isTemporary(error.status)) {
          this.set({ waiting: 'server' });
        }
        await world.sleep(backOffMs(tries, world, error), signal);
      }
    }
  }

  /** Undefined when the service does not answer either: then it is the network, not storage. */
  private async whatTheServiceSays(id: string, signal: AbortSignal): Promise<Upload | undefined> {
    try {
      return await this.options.api.getUpload(id, signal);
    } catch (error) {
      if (error instanceof ApiError && error.status === 404) throw error;
      return undefined;
    }
  }

  private leg<T>(signal: AbortSignal, request: () => Promise<T>): Promise<T> {
    return persist(request, {
      world: this.options.world,
      signal,
      onWait: (waiting) => waiting !== this.transfer.waiting && this.set({ waiting }),
    });
  }

  private landed(n: number, answer: Upload): void {
    const { [n]: _, ...active } = this.transfer.active;
    const newest =
      answer.version >= (this.transfer.upload?.version ?? 0) ? answer : this.transfer.upload;
    this.sent.delete(n);
    this.set({
      upload: newest,
      done: new Set(this.transfer.done).add(n),
      active,
      waiting: undefined,
    });
  }

  private moved(n: number, bytes: number, size: number): void {
    this.sent.set(n, bytes);
    const active = { ...this.transfer.active, [n]: bytes / size };
    this.transfer = { ...this.transfer, active, waiting: undefined };
    if (this.options.world.now() - this.emitted >= EMIT_MS) this.set({});
  }

  private forget(n: number): void {
    const { [n]: _, ...active } = this.transfer.active;
    this.sent.delete(n);
    this.set({ active });
  }

  private set(change: Partial<Transfer>): void {
    const next = { ...this.transfer, ...change };
    const bytes =
      bytesOf(next.done, next.upload) +
      [...this.sent.values()].reduce((sum, each) => sum + each, 0);
    if (next.phase === 'uploading') this.meter.add(this.options.world.now(), bytes);
    // A part that starts again must not pull the bar back: it stands still until it has caught up. Only a
    // stop tells how much has really arrived.
    const sentBytes =
      next.phase === 'paused' || next.phase === 'failed'
        ? bytesOf(next.done, next.upload)
        : Math.max(bytes, this.transfer.sentBytes);
    this.transfer = {
      ...next,
      sentBytes,
      speed: next.phase === 'uploading' && !next.waiting ? this.meter.bytesPerSecond : undefined,
    };
    this.emitted = this.options.world.now();
    this.options.onChange(this.transfer);
  }
}

/** Bytes in finished parts; the last part is shorter than the others. */
export function bytesOf(done: ReadonlySet<number>, upload: Upload | undefined): number {
  if (!upload) return 0;
  const last = done.has(upload.part_count) ? upload.part_count * upload.part_size - upload.size : 0;
  return done.size * upload.part_size - last;
}

/** A refused part is sent again, newly signed; only the service's word that the upload is over is final. */
function mayHelp(error: unknown): boolean {
  if (error instanceof StorageError) return true;
  if (!(error instanceof ApiError)) return false;
  const aboutThisPart =
    (error.status === 409 || error.status === 422) &&
    error.code !== 'upload_closed' &&
    error.code !== 'part_number_invalid';
  return isTemporary(error.status) || aboutThisPart;
}

/** A file that was moved or changed on disk fails like a network; reading one byte of it tells them apart. */
async function assertReadable(body: Blob): Promise<void> {
  await body
    .slice(0, 1)
    .arrayBuffer()
    .catch(() => {
      throw new FileChangedError(
        'The file was moved or changed on your disk while it was being sent. Add it again to start anew.',
      );
    });
}
