import { mergeSnapshot } from '../../state/merge';
import { isUploadedEarly } from '../../storage/preferences';
import type { LocalFiles } from './localFiles';
import { MultipartUploader } from './multipartUploader';
import { BandwidthLimiter } from './bandwidthLimiter';
import type { Transfer } from './transfer';
import type { UploadManagerOptions } from './uploadManagerOptions';
import { UploadQueue } from './uploadQueue';
import type { UploadRequests } from './uploadRequests';

/** Two uploads fill the pauses between small files. More would only share the same connection. */
const MAX_PARALLEL_UPLOADS = 2;

type Options = Pick<
  UploadManagerOptions,
  'api' | 'environment' | 'store' | 'onUploadAvailable' | 'deleteUpload'
>;

/** Run the uploads of the queue, some at a time: start, pause, resume and stop them. */
export class UploadRunner {
  private readonly uploaders = new Map<string, MultipartUploader>();
  private readonly queue = new UploadQueue();
  private readonly limiter: BandwidthLimiter;
  private isStorageUnreachable = false;

  constructor(
    private readonly options: Options,
    private readonly localFiles: LocalFiles,
    private readonly requests: UploadRequests,
  ) {
    this.limiter = new BandwidthLimiter(options.environment.now);
  }

  /** True while an upload is being created. An unknown id in an event may then belong to it. */
  get isCreating(): boolean {
    return [...this.uploaders.values()].some(({ transfer }) => transfer.phase === 'creating');
  }

  /** Return the upload of a file if it has begun in this tab. */
  find(key: string): MultipartUploader | undefined {
    return this.uploaders.get(key);
  }

  /** Begin or stop to upload drafts before they are started. Uploads that have begun go on. */
  uploadEarly(keys: string[], isEarly = isUploadedEarly()): void {
    for (const key of keys) this.queue.remove(key);
    if (isEarly) this.queue.addEarly(keys);
    this.startNext();
  }

  /** Upload a file as soon as it is its turn. */
  enqueue(key: string): void {
    const change = { problem: undefined, mismatchedFile: undefined };
    this.uploaders.delete(key);
    this.options.store.updateRow(key, { stage: 'queued', ...change });
    this.queue.add(key);
    this.startNext();
  }

  /** Take a file out of the queue. Return a function that puts it back. */
  dequeue(key: string): () => void {
    const requeue = this.queue.remove(key);
    return () => {
      requeue();
      this.startNext();
    };
  }

  /** Show an upload as paused that was paused before a reload. */
  restorePaused(key: string): void {
    this.startUpload(key, true);
  }

  /**
   * Pause all uploads, and start none from the queue.
   *
   * The queue goes on when an upload is resumed, or when no paused upload is left.
   */
  pauseAll(): void {
    this.queue.isPaused = true;
    for (const [key, { transfer }] of this.uploaders) {
      if (transfer.phase === 'uploading') this.pause(key);
    }
  }

  resumeAll(): void {
    for (const [key, { transfer }] of this.uploaders) {
      if (transfer.phase === 'paused') this.resume(key);
    }
    this.startNext();
  }

  pause(key: string): void {
    this.uploaders.get(key)?.pause();
    this.saveRequest(key, 'pause');
    this.startNext();
  }

  /** Resume an upload after a pause or a failure. */
  resume(key: string): void {
    const uploader = this.uploaders.get(key);
    this.queue.isPaused = false;
    if (!uploader) return;
    this.saveRequest(key, 'convert');
    void this.run(key, uploader);
  }

  /** Save the last request for a file, unless it is a draft: nobody has asked to convert it yet. */
  private saveRequest(key: string, request: 'pause' | 'convert'): void {
    if (this.options.store.getRow(key)?.stage === 'draft') return;
    void this.localFiles.save(key, { request });
  }

  /** Stop an upload and remove what this browser has stored of it. */
  async discard(key: string): Promise<void> {
    this.queue.remove(key);
    this.uploaders.get(key)?.cancel();
    this.uploaders.delete(key);
    const removed = this.localFiles.remove(key);
    this.startNext();
    await removed;
  }

  /** Stop the upload of a removed file. Return a function that continues it. */
  hold(key: string): () => void {
    const { request } = this.localFiles.recordOf(key) ?? {};
    const uploader = this.uploaders.get(key);
    const requeue = this.dequeue(key);
    const isRunning = uploader?.transfer.phase === 'uploading';
    uploader?.pause();
    // A page that is closed now does not show the file again.
    void this.localFiles.save(key, { request: 'remove' });
    this.startNext();
    return () => {
      void this.localFiles.save(key, { request });
      if (uploader && isRunning) void this.run(key, uploader);
      requeue();
    };
  }

  private startNext(): void {
    const phases = [...this.uploaders.values()].map(({ transfer }) => transfer.phase);
    this.queue.isPaused &&= phases.includes('paused');
    const running = phases.filter((phase) =>
      ['creating', 'uploading', 'finishing'].includes(phase),
    );
    const free = Math.max(0, MAX_PARALLEL_UPLOADS - running.length);
    for (const key of this.queue.take(free)) this.startUpload(key);
  }

  private startUpload(key: string, isPaused = false): void {
    const { api, environment, store, deleteUpload } = this.options;
    const row = store.getRow(key);
    const file = this.localFiles.get(key);
    if (!row || !file) return;
    const uploader = new MultipartUploader({
      api,
      environment,
      limiter: this.limiter,
      file,
      request: this.requests.of(row, file),
      upload: row.upload,
      viaService: this.isStorageUnreachable,
      onChange: (transfer) => this.handleTransfer(key, transfer),
      onCreatedAfterCancel: (upload) => void deleteUpload(upload.id),
    });
    this.uploaders.set(key, uploader);
    const stage = row.stage === 'draft' ? 'draft' : 'uploading';
    store.updateRow(key, { stage, transfer: uploader.transfer });
    if (isPaused) return uploader.pause();
    void this.run(key, uploader);
  }

  private async run(key: string, uploader: MultipartUploader): Promise<void> {
    await uploader.run();
    const { phase, upload } = uploader.transfer;
    const { store } = this.options;
    if (this.uploaders.get(key) !== uploader || phase !== 'done') return this.startNext();
    const isDraft = store.getRow(key)?.stage === 'draft';
    const stage = isDraft ? 'draft' : 'uploaded';
    store.updateRow(key, { stage, transfer: undefined, unsaved: undefined });
    if (isDraft) {
      this.uploaders.delete(key);
      this.startNext();
      return this.localFiles.removeContents(key);
    }
    if (upload) this.options.onUploadAvailable(upload);
    return this.discard(key);
  }

  private handleTransfer(key: string, transfer: Transfer): void {
    const { store, onUploadAvailable } = this.options;
    const row = store.getRow(key);
    if (!row || !this.uploaders.has(key)) return;
    this.isStorageUnreachable ||= transfer.viaService;
    const upload = transfer.upload ? mergeSnapshot(row.upload, transfer.upload) : undefined;
    store.updateRow(key, { transfer, upload });
    if (upload && !row.upload) {
      void this.localFiles.save(key, { uploadId: upload.id, settings: row.settings });
      onUploadAvailable(upload);
    }
  }
}
