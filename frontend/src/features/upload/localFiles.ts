import type { AcquireLock } from '../../storage/locks';
import type { StoredUpload, UploadStorage } from '../../storage/uploadStorage';
import { fingerprintOf } from './fingerprintOf';

/** Bytes per transaction. Small batches make the first files durable early. */
const BATCH_SIZE = 32 * 1024 ** 2;

/** Time after which an upload starts although IndexedDB does not answer. */
const MAX_SAVE_MS = 1_000;

export interface NewFile {
  record: StoredUpload;
  file: File;
}

/** Hold the files of this tab: their contents, their stored records and their locks. */
export class LocalFiles {
  private readonly files = new Map<string, File>();
  private readonly records = new Map<string, StoredUpload>();
  private readonly releaseLocks = new Map<string, () => void>();
  private lastCopy: Promise<unknown> = Promise.resolve();

  constructor(
    private readonly storage: UploadStorage,
    private readonly acquireLock: AcquireLock,
    private readonly sourceFiles: Map<string, File>,
    /** Called when the contents of a file were stored, or could not be stored. */
    private readonly onCopied: (key: string, isStored: boolean) => void,
  ) {}

  get(key: string): File | undefined {
    return this.files.get(key);
  }

  /**
   * Add new files, and store them so that they survive a reload.
   *
   * The records of all files are stored first. A reload during the copying then loses no file: the
   * page asks for the ones whose contents are missing.
   */
  add(newFiles: NewFile[]): void {
    for (const { record, file } of newFiles) {
      this.set(record.key, file, record);
      void this.lock(record.key);
    }
    const recorded = this.storage.save(...newFiles.map(({ record }) => record));
    for (const batch of batches(newFiles)) {
      // Batches are copied one after the other, because parallel copies slow each other down.
      this.lastCopy = this.lastCopy.then(async () => {
        await recorded;
        await this.copy(batch);
      });
    }
    this.lastCopy = this.lastCopy.then(async () => {
      for (const { record, file } of newFiles) {
        const print = await fingerprintOf(file);
        if (print) await this.save(record.key, { fingerprint: print });
      }
    });
  }

  private async copy(batch: NewFile[]): Promise<void> {
    const present = batch.filter(({ record }) => this.files.has(record.key));
    const files = new Map(present.map(({ record, file }) => [record.key, file]));
    const stored = await this.storage.saveFiles(files);
    for (const key of files.keys()) this.onCopied(key, stored.has(key));
  }

  /** Add a file that is stored already, or that cannot be stored. */
  set(key: string, file: File, record?: StoredUpload): void {
    this.files.set(key, file);
    this.sourceFiles.set(key, file);
    if (record) this.addRecord(record);
  }

  /** Add the record of a file whose contents the service has. */
  addRecord(record: StoredUpload): void {
    this.records.set(record.key, record);
  }

  /** Change the stored record of a file. */
  async save(key: string, change: Partial<StoredUpload>): Promise<void> {
    await this.saveAll([key], change);
  }

  /** Change the stored records of several files in one transaction. */
  async saveAll(keys: string[], change: Partial<StoredUpload>): Promise<void> {
    const known = keys.map((key) => this.records.get(key)).filter((each) => each !== undefined);
    const changed = known.map((record) => ({ ...record, ...change }));
    for (const record of changed) this.records.set(record.key, record);
    if (changed.length) await this.storage.save(...changed);
  }

  /**
   * Save that the user asked for these conversions. If the storage does not respond within
   * `MAX_SAVE_MS`, continue without it.
   */
  async saveStart(keys: string[]): Promise<void> {
    const tooLate = new Promise<void>((resolve) => setTimeout(resolve, MAX_SAVE_MS));
    await Promise.race([this.saveAll(keys, { request: 'convert' }), tooLate]);
  }

  recordOf(key: string): StoredUpload | undefined {
    return this.records.get(key);
  }

  /** Remove the contents of a file that the service has, and keep its settings and its lock. */
  async removeContents(key: string): Promise<void> {
    this.files.delete(key);
    await this.lastCopy;
    await this.storage.removeFile(key);
  }

  /** Remove a file from this tab and from the storage, and release its lock. */
  async remove(key: string): Promise<void> {
    this.files.delete(key);
    this.records.delete(key);
    await this.storage.remove(key);
    // A copy that was under way may have stored the file again.
    await this.lastCopy;
    await this.storage.remove(key);
    this.unlock(key);
  }

  /** Lock a file against other tabs. Return false if another tab holds the lock. */
  async lock(key: string, wait = false): Promise<boolean> {
    const release = await this.acquireLock(key, wait);
    if (release) this.releaseLocks.set(key, release);
    return release !== undefined;
  }

  unlock(key: string): void {
    this.releaseLocks.get(key)?.();
    this.releaseLocks.delete(key);
  }
}

function batches(files: NewFile[]): NewFile[][] {
  const result: NewFile[][] = [];
  let size = BATCH_SIZE;
  for (const each of files) {
    if (size >= BATCH_SIZE) {
      result.push([]);
      size = 0;
    }
    result.at(-1)!.push(each);
    size += each.file.size;
  }
  return result;
}
