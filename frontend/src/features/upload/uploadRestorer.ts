import type { Upload } from '../../api/types';
import type { Row, Stage } from '../../state/state';
import type { Store } from '../../state/store';
import type { AcquireLock } from '../../storage/locks';
import { loadOrder, loadPaths, loadSettings } from '../../storage/preferences';
import type { StoredUpload, UploadStorage } from '../../storage/uploadStorage';
import { defaultSettings } from '../conversion/conversionSettings';
import { fingerprintOf } from './fingerprintOf';
import type { UploadManager } from './uploadManager';
import { ownProblem } from '../../api/errors';
import { shownText } from '../../lib/shownText';

/** Older drafts are deleted, so that files do not stay in the browser forever. */
const DRAFT_LIFETIME_MS = 3 * 24 * 3600 * 1000;

export interface UploadRestorerOptions {
  store: Store;
  storage: UploadStorage;
  uploadManager: UploadManager;
  acquireLock: AcquireLock;
}

/** Restore the list of files from the service's uploads and this browser's records. */
export class UploadRestorer {
  /** Files that the user chose to resume an upload, but that are not the same file. */
  private readonly mismatchedFiles = new Map<string, File>();

  constructor(private readonly options: UploadRestorerOptions) {}

  /** Restore the list after the page was loaded, and continue what can be continued. */
  async restore(uploads: Upload[]): Promise<void> {
    const { store, storage } = this.options;
    const records = await storage.list();
    const order = loadOrder();
    const restored = uploads.map((upload) => ({ upload, record: findRecord(upload, records) }));
    const used = new Set(restored.map(({ record }) => record));
    const drafts = records.filter((record) => !used.has(record));
    const rows = [
      ...restored.map(({ upload, record }) => this.createRow(upload, record)),
      ...(await Promise.all(drafts.map((record) => this.restoreDraftOrRemove(record)))),
    ].filter((row) => row !== undefined);
    // A row that is not in the saved order is new, and comes first.
    const rank = ({ key, upload }: Row) =>
      Math.max(order.indexOf(key), upload ? order.indexOf(upload.id) : -1);
    store.dispatch({ type: 'rows-added', rows: rows.toSorted((a, b) => rank(a) - rank(b)) });
    for (const { upload, record } of restored) await this.continueUpload(upload, record);
    this.options.uploadManager.startRequested();
  }

  /** Add an upload that another tab, or another program with the same session, has created. */
  async addUpload(upload: Upload): Promise<void> {
    const { store, storage } = this.options;
    const record = findRecord(upload, await storage.list());
    const { rows } = store.getState();
    if (rows.some((row) => row.upload?.id === upload.id || row.key === record?.key)) return;
    store.dispatch({ type: 'rows-added', rows: [this.createRow(upload, record)] });
    await this.continueUpload(upload, record);
  }

  /**
   * Continue an interrupted upload with a file that the user chose.
   *
   * Only the same file will do. For another one, the row offers to start over.
   */
  async resumeWithFile(key: string, file: File): Promise<void> {
    const { store, storage, uploadManager } = this.options;
    const row = store.getRow(key);
    if (!row) return;
    const record = (await storage.list()).find((each) => each.key === key);
    const isDraft = !row.upload && record;
    const isSameFile =
      shownText(file.name) === row.name &&
      file.size === row.size &&
      (!record?.lastModified || record.lastModified === file.lastModified) &&
      (!record?.fingerprint ||
        record.fingerprint === ((await fingerprintOf(file)) ?? record.fingerprint));
    if (isSameFile && isDraft) return uploadManager.continueDraft(record, file);
    // Choosing the file asks for its upload, even if that was paused before.
    const resumed = record && { ...record, request: record.request && ('convert' as const) };
    if (isSameFile) return uploadManager.resumeWithFile(key, file, resumed);
    this.mismatchedFiles.set(key, file);
    store.updateRow(key, { mismatchedFile: shownText(file.name) });
  }

  /** Add the mismatched file as a new draft. The caller removes the old row. */
  startOver(key: string): void {
    const { store, uploadManager } = this.options;
    const file = this.mismatchedFiles.get(key);
    this.mismatchedFiles.delete(key);
    if (file) uploadManager.addFiles([file], store.getRow(key)?.settings);
  }

  private createRow(upload: Upload, record: StoredUpload | undefined): Row {
    const { formats } = this.options.store.getState();
    const stage = this.stageOf(upload);
    const path = record?.path ?? loadPaths()[upload.id];
    return {
      key: record?.key ?? upload.id,
      name: shownText(record?.name ?? upload.filename),
      path: path && shownText(path),
      size: upload.size,
      stage,
      settings: record?.settings ?? loadSettings().last ?? defaultSettings(formats),
      upload,
      problem: stage === 'failed' ? problemOf(upload) : undefined,
    };
  }

  /** An upload without a conversion was uploaded early, and is still a draft. */
  private stageOf({ id, status }: Upload): Stage {
    const conversions = Object.values(this.options.store.getState().conversions);
    const isConverted = conversions.some(({ upload_id: uploadId }) => uploadId === id);
    if (status === 'uploaded') return isConverted ? 'uploaded' : 'draft';
    if (status !== 'uploading') return 'failed';
    return 'interrupted';
  }

  private async restoreDraftOrRemove(record: StoredUpload): Promise<Row | undefined> {
    const { storage, uploadManager } = this.options;
    const isWanted = !record.uploadId && record.request !== 'remove';
    const isDraft = isWanted && Date.now() - record.storedAt <= DRAFT_LIFETIME_MS;
    if (isDraft) {
      return uploadManager.restoreDraft(record, await storage.loadFile(record.key));
    }
    if (await this.isUnlocked(record.key)) await storage.remove(record.key);
    return undefined;
  }

  private async continueUpload(upload: Upload, record: StoredUpload | undefined): Promise<void> {
    const { storage, store, uploadManager } = this.options;
    if (record && upload.status === 'uploaded') {
      return uploadManager.restoreUploaded(upload, record);
    }
    if (upload.status !== 'uploading' || !record) return;
    const file = await storage.loadFile(record.key);
    if (file?.size === upload.size) {
      // Not awaited: if another tab uploads this file, this waits until that tab is closed.
      const linkedRecord = { ...record, uploadId: upload.id };
      void uploadManager.resumeWithFile(record.key, file, linkedRecord);
    } else if (!(await this.isUnlocked(record.key))) {
      store.updateRow(record.key, { stage: 'other-tab' });
    }
  }

  private async isUnlocked(key: string): Promise<boolean> {
    const release = await this.options.acquireLock(key);
    release?.();
    return release !== undefined;
  }
}

function problemOf(upload: Upload): Row['problem'] {
  return upload.error ?? ownProblem('upload_stopped');
}

/**
 * Return the record of an upload.
 *
 * If the page was closed before it learnt the id of its upload, the record has none. Then name,
 * size and time identify it.
 */
function findRecord(upload: Upload, records: StoredUpload[]): StoredUpload | undefined {
  const matches = (record: StoredUpload) =>
    !record.uploadId &&
    upload.status === 'uploading' &&
    record.name === upload.filename &&
    record.size === upload.size &&
    record.storedAt <= Date.parse(upload.created_at);
  return records.find((record) => record.uploadId === upload.id) ?? records.find(matches);
}
