import type { Upload } from '../../api/types';
import type { ConversionSettings } from '../conversion/conversionSettings';
import { shownText } from '../../lib/shownText';
import { draftsOf, wasConverted } from '../../state/reducer';
import type { Row } from '../../state/state';
import { lastSettings, saveSettings } from '../../storage/preferences';
import type { StoredUpload } from '../../storage/uploadStorage';
import { supportedSettings } from '../conversion/conversionSettings';
import { createDraft } from './drafts';
import { LocalFiles } from './localFiles';
import type { UploadManagerOptions } from './uploadManagerOptions';
import { UploadRequests } from './uploadRequests';
import { UploadRunner } from './uploadRunner';

/** Turn chosen files into drafts, and started or restored drafts into uploads and conversions. */
export class UploadManager {
  readonly runner: UploadRunner;
  private readonly localFiles: LocalFiles;
  private readonly requests: UploadRequests;

  constructor(private readonly options: UploadManagerOptions) {
    const { storage, acquireLock, sourceFiles, store } = options;
    this.requests = new UploadRequests(store);
    this.localFiles = new LocalFiles(storage, acquireLock, sourceFiles, (key, isStored) =>
      store.updateRow(key, { unsaved: isStored ? undefined : 'not-storable' }),
    );
    this.runner = new UploadRunner(options, this.localFiles, this.requests);
  }

  /** Add files as drafts. The settings are those given, or else the last ones of the user. */
  addFiles(files: File[], settings = lastSettings(files.length)): void {
    const { store } = this.options;
    const drafts = files.map((file) => createDraft(file, settings, store.getState()));
    const newFiles = drafts.map(({ newFile }) => newFile).filter((each) => each !== undefined);
    store.dispatch({ type: 'rows-added', rows: drafts.map(({ row }) => row) });
    this.localFiles.add(newFiles);
    this.runner.uploadEarly(newFiles.map(({ record }) => record.key));
    this.requests.hashWhileWaiting(newFiles);
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
    // An earlier version of the page may have stored names as they are.
    const shown = { name: shownText(name), path: path && shownText(path) };
    return { key, ...shown, size, settings, stage: file ? 'draft' : 'interrupted' };
  }

  /**
   * Take over the record of a complete upload. The record is deleted once the upload was converted.
   */
  async restoreUploaded(upload: Upload, record: StoredUpload): Promise<void> {
    if (!(await this.localFiles.lock(record.key))) return;
    this.localFiles.addRecord(record);
    if (wasConverted(this.options.store.getState(), upload)) await this.runner.discard(record.key);
  }

  /** Continue a draft whose file was missing after a reload. */
  continueDraft(record: StoredUpload, file: File): void {
    const { key } = record;
    this.options.store.updateRow(key, { stage: 'draft', unsaved: 'copying' });
    this.localFiles.add([{ record, file }]);
    if (record.request) this.start(key);
  }

  setSettings(key: string, settings: ConversionSettings, isForAll = false): void {
    this.options.store.updateRow(key, { settings, problem: undefined });
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
    const { runner } = this;
    const { store, startConversion } = this.options;
    const begun = runner.find(key);
    if (begun?.transfer.phase === 'creating') await begun.created;
    const row = store.getRow(key);
    if (row?.stage !== 'draft' || row.isBusy) return;
    const requeue = runner.dequeue(key);
    if (!row.upload) return runner.enqueue(key);
    if (!(await startConversion(row, row.settings))) {
      store.updateRow(key, { isStarted: false });
      requeue();
      return this.localFiles.save(key, { request: undefined });
    }
    // The upload may have ended meanwhile. One that waited for its turn has no uploader yet.
    const uploader = runner.find(key);
    const isPartial = store.getRow(key)?.upload?.status === 'uploading';
    if (uploader?.transfer.phase === 'failed') runner.resume(key);
    else if (!uploader && isPartial) runner.enqueue(key);
    else if (!uploader) await runner.discard(key);
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
      this.runner.uploadEarly([key]);
      return isStarted ? this.saveAndEnqueue([key]) : undefined;
    }
    if (canContinue && record?.request === 'pause') this.runner.restorePaused(key);
    else if (canContinue) this.runner.enqueue(key);
    else this.localFiles.unlock(key);
  }
}
