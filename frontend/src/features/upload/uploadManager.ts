import type { ApiClient } from '../../api/client';
import type { Upload } from '../../api/types';
import type { ConversionSettings } from '../conversion/conversionSettings';
import { randomKey, type Environment } from '../../lib/environment';
import { mergeSnapshot } from '../../state/merge';
import type { Row } from '../../state/state';
import type { Store } from '../../state/store';
import type { AcquireLock } from '../../storage/locks';
import { loadSettings, saveSettings } from '../../storage/preferences';
import type { StoredUpload, UploadStorage } from '../../storage/uploadStorage';
import { defaultSettings, supportedSettings } from '../conversion/conversionSettings';
import { createUploadOnce } from './createUploadOnce';
import { LocalFiles, type NewFile } from './localFiles';
import { pathOf } from './filePaths';
import { MultipartUploader } from './multipartUploader';
import type { Transfer } from './transfer';
import { ownProblem } from '../../api/errors';

/** Two uploads fill the pauses between small files. More would only share the same connection. */
const MAX_PARALLEL_UPLOADS = 2;

/** Time after which an upload starts although IndexedDB does not answer. */
const MAX_SAVE_MS = 1_000;

export interface UploadManagerOptions {
  api: ApiClient;
  store: Store;
  storage: UploadStorage;
  environment: Environment;
  acquireLock: AcquireLock;
  /** Called when an upload of this tab was created, and when it is complete. */
  onUploadAvailable: (upload: Upload) => void;
  deleteUpload: (uploadId: string) => Promise<void>;
}

/** Turn chosen files into complete uploads: drafts, the upload queue, pause, resume, removal. */
export class UploadManager {
  private readonly localFiles: LocalFiles;
  private readonly uploaders = new Map<string, MultipartUploader>();
  private queue: string[] = [];
  private isStorageUnreachable = false;
  private isQueueHeld = false;

  constructor(private readonly options: UploadManagerOptions) {
    const { storage, acquireLock, store } = options;
    this.localFiles = new LocalFiles(storage, acquireLock, (key, isStored) =>
      store.updateRow(key, { unsaved: isStored ? undefined : 'not-storable' }),
    );
  }

  /** True while an upload is being created. An unknown id in an event may then belong to it. */
  get isCreating(): boolean {
    return [...this.uploaders.values()].some(({ transfer }) => transfer.phase === 'creating');
  }

  /** Add files as drafts. The settings are those given, or else the last ones of the user. */
  addFiles(files: File[], settings = loadSettings().last): void {
    const { store } = this.options;
    const newFiles: NewFile[] = [];
    const rows = files.map((file) => this.createDraft(file, settings, newFiles));
    store.dispatch({ type: 'rows-added', rows });
    this.localFiles.add(newFiles);
  }

  private createDraft(
    file: File,
    settings: ConversionSettings | undefined,
    newFiles: NewFile[],
  ): Row {
    const { formats } = this.options.store.getState();
    const path = pathOf(file);
    const draft = {
      key: randomKey(),
      name: file.name,
      ...(path ? { path } : {}),
      size: file.size,
      settings: settings ? supportedSettings(settings, formats) : defaultSettings(formats),
    };
    if (file.size === 0) {
      return { ...draft, stage: 'rejected', problem: ownProblem('file_empty') };
    }
    newFiles.push({ record: { ...draft, storedAt: Date.now() }, file });
    return { ...draft, stage: 'draft', unsaved: 'copying' };
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

  /** Continue a draft whose file was missing after a reload. */
  continueDraft(record: StoredUpload, file: File): void {
    const { key } = record;
    this.options.store.updateRow(key, { stage: 'draft', unsaved: 'copying' });
    this.localFiles.add([{ record, file }]);
    if (record.request) this.start(key);
  }

  setSettings(key: string, settings: ConversionSettings): void {
    this.options.store.updateRow(key, { settings });
    saveSettings(settings);
    void this.localFiles.save(key, { settings });
  }

  /** Upload a draft. The conversion starts by itself when the upload is complete. */
  start(key: string): void {
    const row = this.options.store.getRow(key);
    if (row?.stage !== 'draft') return;
    saveSettings(row.settings);
    void this.saveAndEnqueue([key]);
  }

  startAll(): void {
    const drafts = this.options.store.getState().rows.filter(({ stage }) => stage === 'draft');
    void this.saveAndEnqueue(drafts.map(({ key }) => key));
  }

  /** Save the request before it is shown as accepted, so that a reload cannot lose it. */
  private async saveAndEnqueue(keys: string[]): Promise<void> {
    const saved = this.localFiles.saveAll(keys, { request: 'convert' });
    const tooLate = new Promise((resolve) => setTimeout(resolve, MAX_SAVE_MS));
    await Promise.race([saved, tooLate]);
    for (const key of keys) {
      if (this.options.store.getRow(key)?.stage === 'draft') this.enqueue(key);
    }
  }

  /** Pause all uploads. Files in the queue do not start until an upload is resumed. */
  pauseAll(): void {
    this.isQueueHeld = true;
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
    void this.localFiles.save(key, { request: 'pause' });
    this.startNext();
  }

  /** Resume an upload after a pause or a failure. */
  resume(key: string): void {
    const uploader = this.uploaders.get(key);
    this.isQueueHeld = false;
    if (!uploader) return;
    void this.localFiles.save(key, { request: 'convert' });
    void this.run(key, uploader);
  }

  /** Continue an upload from before a reload, or from another tab once that tab is closed. */
  async resumeWithFile(key: string, file: File, record?: StoredUpload): Promise<void> {
    const { store } = this.options;
    this.localFiles.set(key, file, record);
    if (!(await this.localFiles.lock(key))) {
      store.updateRow(key, { stage: 'other-tab' });
      await this.localFiles.lock(key, true);
    }
    const stage = store.getRow(key)?.stage;
    const canContinue = stage === 'other-tab' || stage === 'interrupted';
    if (canContinue && record?.request === 'pause') this.startUpload(key, true);
    else if (canContinue) this.enqueue(key);
    else this.localFiles.unlock(key);
  }

  /** Stop an upload and remove what this browser has stored of it. */
  async discard(key: string): Promise<void> {
    this.queue = this.queue.filter((each) => each !== key);
    this.uploaders.get(key)?.cancel();
    this.uploaders.delete(key);
    const removed = this.localFiles.remove(key);
    this.startNext();
    await removed;
  }

  private enqueue(key: string): void {
    const change = { problem: undefined, mismatchedFile: undefined };
    this.options.store.updateRow(key, { stage: 'queued', ...change });
    this.queue.push(key);
    this.startNext();
  }

  private startNext(): void {
    if (this.isQueueHeld) return;
    const running = [...this.uploaders.values()].filter(({ transfer }) =>
      ['creating', 'uploading', 'finishing'].includes(transfer.phase),
    );
    const free = Math.max(0, MAX_PARALLEL_UPLOADS - running.length);
    for (const key of this.queue.splice(0, free)) this.startUpload(key);
  }

  private startUpload(key: string, isPaused = false): void {
    const { api, environment, store, deleteUpload } = this.options;
    const row = store.getRow(key);
    const file = this.localFiles.get(key);
    if (!row || !file) return;
    const isKnown = (id: string) => store.getState().rows.some((each) => each.upload?.id === id);
    const uploader = new MultipartUploader({
      api: { ...api, createUpload: createUploadOnce(api, isKnown) },
      environment,
      file,
      request: {
        filename: row.name,
        size: row.size,
        ...(file.type ? { content_type: file.type } : {}),
        convert: row.settings,
      },
      upload: row.upload,
      viaService: this.isStorageUnreachable,
      onChange: (transfer) => this.handleTransfer(key, transfer),
      onCreatedAfterCancel: (upload) => void deleteUpload(upload.id),
    });
    this.uploaders.set(key, uploader);
    store.updateRow(key, { stage: 'uploading', transfer: uploader.transfer });
    if (isPaused) return uploader.pause();
    void this.run(key, uploader);
  }

  private async run(key: string, uploader: MultipartUploader): Promise<void> {
    await uploader.run();
    const { phase, upload } = uploader.transfer;
    if (this.uploaders.get(key) !== uploader || phase !== 'done') return this.startNext();
    this.options.store.updateRow(key, {
      stage: 'uploaded',
      transfer: undefined,
      unsaved: undefined,
    });
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
