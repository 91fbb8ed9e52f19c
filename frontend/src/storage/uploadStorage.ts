import type { ConversionSettings } from '../features/conversion/conversionSettings';

/** A record of a chosen file, from which an upload can be resumed after a reload. */
export interface StoredUpload {
  key: string;
  uploadId?: string;
  name: string;
  /** The path inside of the folder that was dropped: "Album/CD 1/02 Song.flac". */
  path?: string;
  size: number;
  fingerprint?: string;
  /**
   * Time of the file's last change. It reveals a change that the fingerprint, which samples only
   * both ends, misses.
   */
  lastModified?: number;
  settings: ConversionSettings;
  /** The user's last request, which also holds after a reload. Undefined for a draft. */
  request?: 'convert' | 'pause' | 'remove';
  /** Milliseconds since the epoch. */
  storedAt: number;
}

/** Keep upload records and file contents in this browser. No method throws. */
export interface UploadStorage {
  list(): Promise<StoredUpload[]>;
  /** Store records, all of them in one transaction. */
  save(...records: StoredUpload[]): Promise<void>;
  /** Store the contents of files. Return the keys of those for which there was enough room. */
  saveFiles(files: ReadonlyMap<string, File>): Promise<Set<string>>;
  loadFile(key: string): Promise<File | undefined>;
  removeFile(key: string): Promise<void>;
  /** Remove the record and the contents. */
  remove(key: string): Promise<void>;
}

/** Share of the browser's free quota that the files of one call may take. */
const MAX_QUOTA_SHARE = 0.5;
/** Larger files are not copied, because the copy would slow down reading for the upload. */
const MAX_STORED_FILE_SIZE = 2 * 1024 ** 3;

const DATABASE = 'tinypixo';
/** Version 1 had other field names. Its records are dropped, since uploads expire in a day. */
const DATABASE_VERSION = 2;
const UPLOADS = 'uploads';
const FILES = 'files';

/**
 * Keep uploads in IndexedDB.
 *
 * Private windows may have no IndexedDB. Then nothing is stored, and after a reload the page asks
 * for the file again.
 */
export class IndexedDbUploadStorage implements UploadStorage {
  private database: Promise<IDBDatabase> | undefined;

  async list(): Promise<StoredUpload[]> {
    return (await this.run<StoredUpload[]>(UPLOADS, 'readonly', (store) => store.getAll())) ?? [];
  }

  async save(...records: StoredUpload[]): Promise<void> {
    await this.run(UPLOADS, 'readwrite', (store) => lastOf(records.map((each) => store.put(each))));
  }

  async saveFiles(files: ReadonlyMap<string, File>): Promise<Set<string>> {
    const { quota = 0, usage = 0 } =
      (await navigator.storage?.estimate?.().catch(() => undefined)) ?? {};
    let room = (quota - usage) * MAX_QUOTA_SHARE;
    const fitting = [...files].filter(([, { size }]) => {
      const fits = size <= Math.min(MAX_STORED_FILE_SIZE, room);
      if (fits) room -= size;
      return fits;
    });
    if (fitting.length === 0) return new Set();
    const lastKey = await this.run<IDBValidKey>(FILES, 'readwrite', (store) =>
      lastOf(fitting.map(([key, file]) => store.put(file, key))),
    );
    return new Set(lastKey === undefined ? [] : fitting.map(([key]) => key));
  }

  async loadFile(key: string): Promise<File | undefined> {
    return this.run<File>(FILES, 'readonly', (store) => store.get(key));
  }

  async remove(key: string): Promise<void> {
    await this.run(UPLOADS, 'readwrite', (store) => store.delete(key));
    await this.removeFile(key);
  }

  async removeFile(key: string): Promise<void> {
    await this.run(FILES, 'readwrite', (store) => store.delete(key));
  }

  private async run<T>(
    storeName: string,
    mode: IDBTransactionMode,
    createRequest: (store: IDBObjectStore) => IDBRequest,
  ): Promise<T | undefined> {
    try {
      const database = await (this.database ??= openDatabase());
      return await new Promise<T>((resolve, reject) => {
        const transaction = database.transaction(storeName, mode);
        const request = createRequest(transaction.objectStore(storeName));
        transaction.oncomplete = () => resolve(request.result as T);
        transaction.onabort = transaction.onerror = () =>
          reject(transaction.error ?? new Error('IndexedDB failed'));
      });
    } catch {
      return undefined;
    }
  }
}

/** Return the last request. A transaction is complete when all of its requests are. */
const lastOf = (requests: IDBRequest[]): IDBRequest => requests.at(-1)!;

function openDatabase(): Promise<IDBDatabase> {
  return new Promise((resolve, reject) => {
    const request = indexedDB.open(DATABASE, DATABASE_VERSION);
    request.onupgradeneeded = () => {
      const database = request.result;
      for (const name of [...database.objectStoreNames]) database.deleteObjectStore(name);
      database.createObjectStore(UPLOADS, { keyPath: 'key' });
      database.createObjectStore(FILES);
    };
    request.onsuccess = () => {
      // A tab with a newer version of the page waits until older tabs close their connection.
      request.result.onversionchange = () => request.result.close();
      resolve(request.result);
    };
    request.onerror = () => reject(request.error ?? new Error('IndexedDB failed'));
    request.onblocked = () => reject(new Error('another tab blocks IndexedDB'));
  });
}
