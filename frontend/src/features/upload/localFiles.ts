import type { AcquireLock } from '../../storage/locks';
import type { StoredUpload, UploadStorage } from '../../storage/uploadStorage';
import { fingerprint } from './fingerprint';

/** Hold the files of this tab: their contents, their stored records and their locks. */
export class LocalFiles {
  private readonly files = new Map<string, File>();
  private readonly records = new Map<string, StoredUpload>();
  private readonly releaseLocks = new Map<string, () => void>();
  private lastCopy: Promise<unknown> = Promise.resolve();

  constructor(
    private readonly storage: UploadStorage,
    private readonly acquireLock: AcquireLock,
  ) {}

  get(key: string): File | undefined {
    return this.files.get(key);
  }

  /** Add a new file, and store it so that it survives a reload. */
  add(record: StoredUpload, file: File): void {
    const { key } = record;
    this.set(key, file, record);
    // Files are copied one after the other, because parallel copies only slow each other down.
    this.lastCopy = this.lastCopy.then(async () => {
      if (!this.files.has(key)) return;
      await this.save(key, { fingerprint: await fingerprint(file).catch(() => undefined) });
      await this.storage.saveFile(key, file);
    });
    void this.lock(key);
  }

  /** Add a file that is stored already, or that cannot be stored. */
  set(key: string, file: File, record?: StoredUpload): void {
    this.files.set(key, file);
    if (record) this.records.set(key, record);
  }

  /** Change the stored record of a file. */
  async save(key: string, change: Partial<StoredUpload>): Promise<void> {
    const known = this.records.get(key);
    if (!known) return;
    const record = { ...known, ...change };
    this.records.set(key, record);
    await this.storage.save(record);
  }

  /** Remove a file from this tab and from the storage, and release its lock. */
  async remove(key: string): Promise<void> {
    this.files.delete(key);
    this.records.delete(key);
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
