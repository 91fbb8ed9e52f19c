import type { StartUploadRequest } from '../../api/types';
import type { Row } from '../../state/state';
import type { Store } from '../../state/store';
import type { NewFile } from './localFiles';

/** Browsers can only hash what is in memory. */
const MAX_HASHED_SIZE = 64 * 1024 ** 2;

/**
 * Make the requests that create uploads, with the SHA-256 of their files where it is cheap.
 * A file that this session has sent before need not be sent again: the service copies it. Files are
 * hashed while they wait for their turn. An upload waits for its hash only if the file was probably
 * sent before, because reading it takes less time than sending it.
 */
export class UploadRequests {
  private readonly hashes = new Map<string, string>();
  private lastHash: Promise<unknown> = Promise.resolve();

  constructor(private readonly store: Store) {}

  /** Hash files one after the other, as long as their uploads have not begun. */
  hashWhileWaiting(files: NewFile[]): void {
    for (const { record, file } of files) {
      this.lastHash = this.lastHash.then(() => {
        const row = this.store.getRow(record.key);
        return row && !row.transfer ? this.hash(record.key, file) : undefined;
      });
    }
  }

  async of(row: Row, file: File): Promise<StartUploadRequest> {
    const { key, name, size, stage, settings } = row;
    const sha256 = this.isLikelySent(row) ? await this.hash(key, file) : this.hashes.get(key);
    return {
      filename: name,
      size,
      ...(file.type ? { content_type: file.type } : {}),
      ...(sha256 ? { sha256 } : {}),
      // The settings of a draft are not final.
      ...(stage === 'draft' ? {} : { convert: settings }),
    };
  }

  /** Return true if a file of the same size was sent with its hash. */
  private isLikelySent({ size }: Row): boolean {
    return this.store
      .getState()
      .rows.some(({ upload }) => upload?.size === size && upload.sha256 && isStored(upload));
  }

  /** Return the hash of a file. It is undefined for a large file, and without TLS. */
  private async hash(key: string, file: Blob): Promise<string | undefined> {
    if (!this.hashes.has(key) && globalThis.crypto.subtle && file.size <= MAX_HASHED_SIZE) {
      const digest = await sha256(file).catch(() => undefined);
      // A file that cannot be read is reported by its upload.
      if (digest) this.hashes.set(key, digest);
    }
    return this.hashes.get(key);
  }
}

const isStored = ({ status }: { status: string }) => status === 'uploaded';

async function sha256(file: Blob): Promise<string> {
  const digest = await crypto.subtle.digest('SHA-256', await file.arrayBuffer());
  return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, '0')).join('');
}
