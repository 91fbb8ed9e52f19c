import type { Choice } from '../api/types';

/** What this browser remembers about a file, so that a reload, a crash or a closed tab loses nothing. */
export interface Kept {
  key: string;
  uploadId?: string;
  name: string;
  size: number;
  fingerprint?: string;
  choice: Choice;
  keptAt: number;
}

export interface Keeper {
  all(): Promise<Kept[]>;
  put(kept: Kept): Promise<void>;
  /** Keeps the bytes as well, where they fit; never throws. */
  keepFile(key: string, file: File): Promise<void>;
  file(key: string): Promise<File | undefined>;
  drop(key: string): Promise<void>;
}

/** Of what the browser still has room for; the rest belongs to other files and other pages. */
const SHARE_OF_QUOTA = 0.5;
/** Copying more than this competes with the upload itself for the disk. Larger files are asked for again. */
const LARGEST_COPY = 2 * 1024 ** 3;

const NOTES = 'notes';
const FILES = 'files';

/** IndexedDB may be absent or refuse (private windows): then the page works, and asks for the file after a reload. */
export class IndexedDbKeeper implements Keeper {
  private database: Promise<IDBDatabase> | undefined;

  async all(): Promise<Kept[]> {
    return (await this.run<Kept[]>(NOTES, 'readonly', (store) => store.getAll())) ?? [];
  }

  async put(kept: Kept): Promise<void> {
    await this.run(NOTES, 'readwrite', (store) => store.put(kept));
  }

  async keepFile(key: string, file: File): Promise<void> {
    const { quota = 0, usage = 0 } =
      (await navigator.storage?.estimate?.().catch(() => undefined)) ?? {};
    if (file.size > LARGEST_COPY || file.size > (quota - usage) * SHARE_OF_QUOTA) return;
    await this.run(FILES, 'readwrite', (store) => store.put(file, key));
  }

  async file(key: string): Promise<File | undefined> {
    return this.run<File>(FILES, 'readonly', (store) => store.get(key));
  }

  async drop(key: string): Promise<void> {
    await this.run(NOTES, 'readwrite', (store) => store.delete(key));
    await this.run(FILES, 'readwrite', (store) => store.delete(key));
  }

  private async run<T>(
    name: string,
    mode: IDBTransactionMode,
    work: (store: IDBObjectStore) => IDBRequest,
  ): Promise<T | undefined> {
    try {
      const database = await (this.database ??= open());
      return await new Promise<T>((resolve, reject) => {
        const transaction = database.transaction(name, mode);
        const request = work(transaction.objectStore(name));
        transaction.oncomplete = () => resolve(request.result as T);
        transaction.onabort = transaction.onerror = () =>
          reject(transaction.error ?? new Error('IndexedDB refused'));
      });
    } catch {
      return undefined;
    }
  }
}

function open(): Promise<IDBDatabase> {
  return new Promise((resolve, reject) => {
    const request = indexedDB.open('tinypixo', 1);
    request.onupgradeneeded = () => {
      request.result.createObjectStore(NOTES, { keyPath: 'key' });
      request.result.createObjectStore(FILES);
    };
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error ?? new Error('IndexedDB refused'));
    request.onblocked = () => reject(new Error('IndexedDB is blocked by another tab'));
  });
}

/** Answers how to let go, or nothing when another tab has it; with `wait`, answers when that tab has let go. */
export type HoldLock = (key: string, wait?: boolean) => Promise<(() => void) | undefined>;

/**
 * Two tabs of one person see the same uploads, and only one of them may send. The browser gives the lock back
 * when a tab goes, however it goes. Without locks (no TLS) both send: wasteful, harmless, parts are idempotent.
 */
export const holdLock: HoldLock = async (key, wait = false) => {
  if (!navigator.locks) return () => undefined;
  return new Promise((resolve, reject) => {
    navigator.locks
      .request(`tinypixo:${key}`, { ifAvailable: !wait }, (lock) => {
        if (!lock) return resolve(undefined);
        return new Promise<void>((release) => resolve(release));
      })
      .catch(reject);
  });
};
