import { t } from '../../i18n';
import type { Row } from '../../state/state';
import type { Store } from '../../state/store';
import type { UploadManager } from '../upload/uploadManager';

export interface RemovalsOptions {
  store: Store;
  uploadManager: UploadManager;
  deleteFile: (row: Row) => Promise<void>;
  /** Called once after some files were deleted. */
  onDeleted: () => void;
  /** Time in which a removal can be undone. With 0, files are deleted at once. */
  undoMs: number;
}

/** Remove files from the list, delete them some seconds later, and bring them back before that. */
export class Removals {
  /** Functions that continue the uploads of removed files, by key. */
  private readonly pending = new Map<string, () => void>();
  private timer: ReturnType<typeof setTimeout> | undefined;

  constructor(private readonly options: RemovalsOptions) {}

  async remove(rows: Row[]): Promise<void> {
    const { store, uploadManager, undoMs } = this.options;
    for (const { key } of rows) {
      this.pending.set(key, uploadManager.runner.hold(key));
      store.updateRow(key, { isRemoved: true });
    }
    const text = rows.length === 1 ? t.wasRemoved(rows[0]!.name) : t.wereRemoved(rows.length);
    if (rows.length) store.dispatch({ type: 'announced', text });
    clearTimeout(this.timer);
    if (undoMs === 0) return this.deleteNow();
    this.timer = setTimeout(() => void this.deleteNow(), undoMs);
  }

  /** Bring back all files that were removed and are not deleted yet. */
  undo(): void {
    const { store } = this.options;
    clearTimeout(this.timer);
    if (this.pending.size) store.dispatch({ type: 'announced', text: t.undone });
    for (const [key, continueUpload] of this.pending) {
      store.updateRow(key, { isRemoved: false });
      continueUpload();
    }
    this.pending.clear();
  }

  /** Delete one file after the other, so that the service is not flooded. */
  async deleteNow(): Promise<void> {
    for (const row of this.takeRows()) await this.delete(row);
    this.options.onDeleted();
  }

  /** Send all deletions before the page is closed. */
  deleteBeforeLeaving(): void {
    for (const row of this.takeRows()) void this.delete(row);
  }

  private takeRows(): Row[] {
    clearTimeout(this.timer);
    const keys = [...this.pending.keys()];
    this.pending.clear();
    return keys.map((key) => this.options.store.getRow(key)).filter((row) => row !== undefined);
  }

  private delete(row: Row): Promise<void> {
    // The upload is stopped first, because the service refuses parts of a deleted upload.
    if (row.stage !== 'uploaded') void this.options.uploadManager.runner.discard(row.key);
    return this.options.deleteFile(row);
  }
}
