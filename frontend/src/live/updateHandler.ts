import type { ApiClient } from '../api/client';
import type { Progress, Upload } from '../api/types';
import type { ConversionManager } from '../features/conversion/conversionManager';
import type { UploadManager } from '../features/upload/uploadManager';
import type { UploadRestorer } from '../features/upload/uploadRestorer';
import { isFinal } from '../state/merge';
import type { Store } from '../state/store';

/**
 * Delay before an unknown upload gets a row.
 *
 * Uploads of this tab become known by the response to their creation, which may arrive after the
 * first event. The other ones come from another tab.
 */
const UNKNOWN_UPLOAD_DELAY_MS = 1_500;
/** Age of an upload up to which its conversion may still be about to start. */
const CONVERSION_START_MS = 120_000;

export interface UpdateHandlerOptions {
  api: ApiClient;
  store: Store;
  uploadManager: UploadManager;
  uploadRestorer: UploadRestorer;
  conversionManager: ConversionManager;
}

/** Apply events and poll results to the state, and fetch the items that they mention. */
export class UpdateHandler {
  constructor(private readonly options: UpdateHandlerOptions) {}

  /** Apply a progress event. Return true if it changed anything. */
  handleProgress(progress: Progress): boolean {
    const { store, conversionManager } = this.options;
    const { id, kind } = progress;
    const before = store.getState();
    if (before.deletedIds[id]) return false;
    store.dispatch({ type: 'progress-received', progress });
    const after = store.getState();
    if (kind === 'conversion') {
      const conversion = after.conversions[id];
      const isIncomplete = conversion?.status === 'completed' && !conversion.output;
      if (!conversion || isIncomplete) void conversionManager.refresh(id);
    } else if (!this.hasRow(id)) {
      this.addUnknownUpload(id);
    }
    return after !== before;
  }

  handleRemoved(id: string): void {
    const { store, uploadManager } = this.options;
    const row = store.getState().rows.find((each) => each.upload?.id === id);
    store.dispatch({ type: 'item-deleted', id });
    if (row) void uploadManager.runner.discard(row.key);
  }

  /** Fetch those conversions of an upload that are not known yet. */
  fetchConversionsOf(upload: Upload): void {
    const { store, conversionManager } = this.options;
    const { conversions } = store.getState();
    for (const id of upload.conversions) {
      if (!conversions[id]) void conversionManager.refresh(id);
    }
  }

  /** Return the ids of all items that can change without a request of this tab. */
  activeIds(): string[] {
    const { rows, conversions } = this.options.store.getState();
    const running = Object.values(conversions).filter((conversion) => !isFinal(conversion));
    const inOtherTabs = rows.filter((row) => row.stage === 'other-tab');
    return [...running.map(({ id }) => id), ...inOtherTabs.map((row) => row.upload!.id)];
  }

  /**
   * Fetch conversions that no poll mentions.
   *
   * Without events, nothing tells the page of a conversion that started by itself when its upload
   * was complete, and nothing brings the output of a completed one.
   */
  async fetchMissingConversions(): Promise<void> {
    const { api, store } = this.options;
    const { rows, conversions } = store.getState();
    const known = Object.values(conversions);
    const converted = new Set(known.map((conversion) => conversion.upload_id));
    const mayHaveStarted = rows.some(
      ({ stage, upload }) =>
        stage === 'uploaded' &&
        upload &&
        !converted.has(upload.id) &&
        Date.now() - Date.parse(upload.updated_at) < CONVERSION_START_MS,
    );
    const lacksOutput = known.some(({ status, output }) => status === 'completed' && !output);
    if (!mayHaveStarted && !lacksOutput) return;
    for (const conversion of await api.listConversions()) {
      store.dispatch({ type: 'conversion-received', conversion });
    }
  }

  private hasRow(uploadId: string): boolean {
    return this.options.store.getState().rows.some((row) => row.upload?.id === uploadId);
  }

  private addUnknownUpload(id: string): void {
    const { api, store, uploadManager, uploadRestorer } = this.options;
    setTimeout(() => {
      if (store.getState().deletedIds[id] || this.hasRow(id)) return;
      if (uploadManager.runner.isCreating) return this.addUnknownUpload(id);
      void api
        .getUpload(id)
        .then((upload) => uploadRestorer.addUpload(upload))
        // The upload was deleted meanwhile, or the next event brings it here again.
        .catch(() => undefined);
    }, UNKNOWN_UPLOAD_DELAY_MS);
  }
}
