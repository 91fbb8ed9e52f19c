import type { Upload } from '../../api/types';
import type { ConversionSettings } from '../conversion/conversionSettings';
import { mergeSnapshot } from '../../state/merge';
import { draftsOf, wasConverted } from '../../state/reducer';
import type { Row } from '../../state/state';
import { isUploadedEarly, lastSettings, saveSettings } from '../../storage/preferences';
import type { StoredUpload } from '../../storage/uploadStorage';
import { supportedSettings } from '../conversion/conversionSettings';
import { createDraft } from './drafts';
import { LocalFiles } from './localFiles';
import { UploadQueue } from './uploadQueue';
import { MultipartUploader } from './multipartUploader';
import type { Transfer } from './transfer';
import type { UploadManagerOptions } from './uploadManagerOptions';
import { UploadRequests } from './uploadRequests';

/** Two uploads fill the pauses between small files. More would only share the same connection. */
const MAX_PARALLEL_UPLOADS = 2;

/** Turn chosen files into complete uploads: drafts, the upload queue, pause, resume, removal. */
export class UploadManager {
  private readonly localFiles: LocalFiles;
  private readonly uploaders = new Map<string, MultipartUploader>();
  private readonly queue = new UploadQueue();
  private readonly requests: UploadRequests;
  private isStorageUnreachable = false;

  constructor(private readonly options: UploadManagerOptions) {
    const { storage, acquireLock, sourceFiles, store } = options;
    this.requests = new UploadRequests(store);
    this.localFiles = new LocalFiles(storage, acquireLock, sourceFiles, (key, isStored) =>
      store.updateRow(key, { unsaved: isStored ? undefined : 'not-storable' }),
    );
  }

  /** True while an upload is being created. An unknown id in an event may then belong to it. */
  get isCreating(): boolean {
    return [...this.uploaders.values()].some(({ transfer }) => transfer.phase === 'creating');
  }

  /** Add files as drafts. The settings are those given, or else the last ones of the user. */
  addFiles(files: File[], settings = lastSettings(files.length)): void {
    const { store } = this.options;
    const drafts = files.map((file) => createDraft(file, settings, store.getState()));
    const newFiles = drafts.map(({ newFile }) => newFile).filter((each) => each !== undefined);
    store.dispatch({ type: 'rows-added', rows: drafts.map(({ row }) => row) });
    this.localFiles.add(newFiles);
    this.uploadEarly(newFiles.map(({ record }) => record.key));
    this.requests.hashWhileWaiting(newFiles);
  }

  /** Begin or stop to upload drafts before they are started. Uploads that have begun go on. */
  uploadEarly(keys: string[], isEarly = isUploadedEarly()): void {
    for (const key of keys) this.queue.remove(key);
    if (isEarly) this.queue.addEarly(keys);
    this.startNext();
  }

  /**
   * Return the row of a draft from before a reload, or undefined if another tab shows it.
   *
   * Without its file, the row asks the user to choose it again.
   */
  async restoreDraft(record: StoredUpload, file: File | undefined): Promise<Row | undefined> {
    const { store } = this.options;
    if (!(await this.localFiles.lock(record.key))) return undefined;
    const { key, name, path, size } = record;
    if (file) this.localFiles.set(key, file, record);
    const settings = supportedSettings(record.settings, store.getState().formats);
    return { key, name, path, size, settings, stage: file ? 'draft' : 'interrupted' };
  }

  /** Take over the record of a complete upload. Once converted, it is needed no more. */
  async restoreUploaded(upload: Upload, record: StoredUpload): Promise<void> {
    if (!(await this.localFiles.lock(record.key))) return;
    this.localFiles.addRecord(record);
    if (wasConverted(this.options.store.getState(), upload)) await this.discard(record.key);
  }

  /** Continue a draft whose file was missing after a reload. */
  continueDraft(record: StoredUpload, file: File): void {
    const { key } = record;
    this.options.store.updateRow(key, { stage: 'draft', unsaved: 'copying' });
    this.localFiles.add([{ record, file }]);
    if (record.request) this.start(key);
  }

  setSettings(key: string, settings: ConversionSettings, isForAll = false): void {
    this.options.store.updateRow(key, { settings });
    saveSettings(settings, isForAll);
    void this.localFiles.save(key, { settings });
  }

  /** Upload a draft. The conversion starts by itself when the upload is complete. */
  start(key: string): void {
    const row = this.options.store.getRow(key);
    if (row?.stage !== 'draft' || row.isBusy || row.isStarted) return;
    void this.saveAndEnqueue([key]);
  }

  startAll(isIncluded: (key: string) => boolean = () => true): void {
    const drafts = draftsOf(this.options.store.getState()).filter(({ key }) => isIncluded(key));
    void this.saveAndEnqueue(drafts.map(({ key }) => key));
  }

  /** Start the drafts that the user had started before a reload. */
  startRequested(): void {
    this.startAll((key) => this.localFiles.recordOf(key)?.request === 'convert');
  }

  /** Save the request before it is shown as accepted, so that a reload cannot lose it. */
  private async saveAndEnqueue(keys: string[]): Promise<void> {
    await this.localFiles.saveStart(keys);
    for (const key of keys) this.options.store.updateRow(key, { isStarted: true });
    for (const key of keys) await this.startDraft(key);
  }

  /** Convert what was uploaded early, and upload what was not. */
  private async startDraft(key: string): Promise<void> {
    const { store, startConversion } = this.options;
    const begun = this.uploaders.get(key);
    if (begun?.transfer.phase === 'creating') await begun.created;
    const row = store.getRow(key);
    if (row?.stage !== 'draft' || row.isBusy) return;
    const requeue = this.queue.remove(key);
    if (!row.upload) {
      this.uploaders.delete(key);
      return this.enqueue(key);
    }
    if (!(await startConversion(row, row.settings))) {
      store.updateRow(key, { isStarted: false });
      requeue();
      this.startNext();
      return this.localFiles.save(key, { request: undefined });
    }
    // The upload may have ended meanwhile. One that waited for its turn has no uploader yet.
    const uploader = this.uploaders.get(key);
    const isPartial = store.getRow(key)?.upload?.status === 'uploading';
    if (uploader?.transfer.phase === 'failed') this.resume(key);
    else if (!uploader && isPartial) this.enqueue(key);
    else if (!uploader) await this.discard(key);
  }

  /** Pause all uploads. Files in the queue do not start until an upload is resumed. */
  pauseAll(): void {
    this.queue.isHeld = true;
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
    this.queue.isHeld = false;
    if (!uploader) return;
    this.saveRequest(key, 'convert');
    void this.run(key, uploader);
  }

  /** Drafts pause and resume with the others, but nobody has asked to convert them. */
  private saveRequest(key: string, request: 'pause' | 'convert'): void {
    if (this.options.store.getRow(key)?.stage === 'draft') return;
    void this.localFiles.save(key, { request });
  }

  /** Continue an upload from before a reload, or from another tab once that tab is closed. */
  async resumeWithFile(key: string, file: File, record?: StoredUpload): Promise<void> {
    const { store } = this.options;
    this.localFiles.set(key, file, record);
    if (!(await this.localFiles.lock(key))) {
      store.updateRow(key, { stage: 'other-tab' });
      await this.localFiles.lock(key, true);
    }
    const { stage, upload } = store.getRow(key) ?? {};
    const canContinue = stage === 'other-tab' || stage === 'interrupted' || stage === 'draft';
    const lacksConversion = upload && !wasConverted(store.getState(), upload);
    const isStarted = record?.request === 'convert';
    if (canContinue && record && (!record.request || (isStarted && lacksConversion))) {
      store.updateRow(key, { stage: 'draft', mismatchedFile: undefined });
      this.uploadEarly([key]);
      return isStarted ? this.saveAndEnqueue([key]) : undefined;
    }
    if (canContinue && record?.request === 'pause') this.startUpload(key, true);
    else if (canContinue) this.enqueue(key);
    else this.localFiles.unlock(key);
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
    const requeue = this.queue.remove(key);
    const isRunning = uploader?.transfer.phase === 'uploading';
    uploader?.pause();
    // A page that is closed now does not show the file again.
    void this.localFiles.save(key, { request: 'remove' });
    this.startNext();
    return () => {
      void this.localFiles.save(key, { request });
      requeue();
      if (uploader && isRunning) void this.run(key, uploader);
      this.startNext();
    };
  }

  private enqueue(key: string): void {
    const change = { problem: undefined, mismatchedFile: undefined };
    this.options.store.updateRow(key, { stage: 'queued', ...change });
    this.queue.add(key);
    this.startNext();
  }

  private startNext(): void {
    const running = [...this.uploaders.values()].filter(({ transfer }) =>
      ['creating', 'uploading', 'finishing'].includes(transfer.phase),
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
