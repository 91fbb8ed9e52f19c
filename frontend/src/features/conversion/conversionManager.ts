import type { ApiClient } from '../../api/client';
import { ApiError, ownProblem, toProblem } from '../../api/errors';
import { withRetries } from '../../api/retry';
import { getFromStorage } from '../../api/transport';
import type { Conversion } from '../../api/types';
import type { ConversionSettings } from './conversionSettings';
import { randomKey, type Environment } from '../../lib/environment';
import type { Row } from '../../state/state';
import type { Store } from '../../state/store';
import { saveSettings } from '../../storage/preferences';

/** Time for all attempts of one request. After it the user is told the last error. */
const DEADLINE_MS = 30_000;

export interface ConversionManagerOptions {
  api: ApiClient;
  store: Store;
  environment: Environment;
  /** Lets the browser download a URL whose answer is an attachment. */
  saveUrl: (url: string) => void;
  /** Removes what this browser has of a file. */
  discardUpload: (key: string) => Promise<void>;
}

/** Start, cancel, retry and delete conversions, and delete files that the service has. */
export class ConversionManager {
  private readonly refreshes = new Map<string, Promise<void>>();

  constructor(private readonly options: ConversionManagerOptions) {}

  /** Fetch a conversion, because it is unknown or because an event has only part of its fields. */
  refresh(id: string): Promise<void> {
    const { api, store } = this.options;
    const running = this.refreshes.get(id);
    if (running) return running;
    const refresh = this.withDeadline(() => api.getConversion(id))
      .then((conversion) => store.dispatch({ type: 'conversion-received', conversion }))
      .catch((error) => {
        if (isNotFound(error)) store.dispatch({ type: 'item-deleted', id });
      })
      .finally(() => this.refreshes.delete(id));
    this.refreshes.set(id, refresh);
    return refresh;
  }

  /**
   * Convert an uploaded file. Return true if the conversion was started.
   *
   * All attempts use one idempotency key, so that they start a single conversion.
   */
  async start(row: Row, settings: ConversionSettings): Promise<boolean> {
    const { api, store } = this.options;
    const { key, upload } = row;
    if (!upload) return false;
    const idempotencyKey = randomKey();
    saveSettings(settings);
    store.updateRow(key, { isBusy: true, problem: undefined });
    try {
      const conversion = await this.withDeadline(() =>
        api.createConversion(upload.id, settings, idempotencyKey),
      );
      store.dispatch({ type: 'conversion-received', conversion });
      store.updateRow(key, { isBusy: false });
      return true;
    } catch (error) {
      store.updateRow(key, { isBusy: false, problem: toProblem(error) });
      return false;
    }
  }

  /** Start a failed or cancelled conversion again, and delete the old one. */
  async retry(row: Row, old: Conversion): Promise<void> {
    if (await this.start(row, { ...old.options, format: old.format })) await this.delete(old.id);
  }

  /**
   * Download a result without leaving the page.
   * The service is asked first, so that a lost network or a deleted result is reported at the
   * result, and the browser's error page does not replace the page.
   */
  async download(id: string): Promise<void> {
    const { api, saveUrl } = this.options;
    await this.reportProblems(id, async () => saveUrl((await api.getDownload(id)).url));
  }

  /** Return the bytes of a result. Rejects if they cannot be loaded. */
  async fetchResult(id: string): Promise<Blob> {
    const { url } = await this.options.api.getDownload(id);
    return (await getFromStorage(url)).blob();
  }

  /** Return a result as a file. If it cannot be loaded, show the problem and return undefined. */
  async fetchResultFile({ id, output }: Conversion): Promise<File | undefined> {
    let file: File | undefined;
    await this.reportProblems(id, async () => {
      const { filename, media_type: type } = output!;
      file = new File([await this.fetchResult(id)], filename, { type });
    });
    return file;
  }

  /** Say why a player could not play its result. The service is asked if it has the result. */
  async explainPlayerError(id: string): Promise<void> {
    const { api, store } = this.options;
    const problem = await api.getDownload(id).then(() => ownProblem('unplayable'), toProblem);
    store.dispatch({ type: 'conversion-problem-changed', id, problem });
  }

  async cancel(id: string): Promise<void> {
    await this.reportProblems(id, async () => {
      try {
        await this.withDeadline(() => this.options.api.cancelConversion(id));
      } catch (error) {
        // The conversion ended before the request arrived.
        if (!(error instanceof ApiError && error.code === 'conversion_finished')) throw error;
      }
      await this.refresh(id);
    });
  }

  async delete(id: string): Promise<void> {
    const { api, store } = this.options;
    await this.reportProblems(id, async () => {
      await this.withDeadline(() => api.deleteConversion(id)).catch(ignoreNotFound);
      store.dispatch({ type: 'item-deleted', id });
    });
  }

  /** Delete a file, its conversions and their results, on the service and in this browser. */
  async deleteFile(row: Row): Promise<void> {
    const { api, store, discardUpload } = this.options;
    const { key, upload } = row;
    if (upload) {
      store.updateRow(key, { isBusy: true, problem: undefined });
      try {
        await this.withDeadline(() => api.deleteUpload(upload.id)).catch(ignoreNotFound);
        store.dispatch({ type: 'item-deleted', id: upload.id });
      } catch (error) {
        const problem = toProblem(error);
        return store.updateRow(key, { isBusy: false, isRemoved: false, problem });
      }
    }
    store.dispatch({ type: 'row-removed', key });
    await discardUpload(key);
  }

  /** Show the problem of a request at its conversion, and clear an earlier one. */
  private async reportProblems(id: string, request: () => Promise<void>): Promise<void> {
    const { store } = this.options;
    store.dispatch({ type: 'conversion-problem-changed', id, problem: undefined });
    try {
      await request();
    } catch (error) {
      store.dispatch({ type: 'conversion-problem-changed', id, problem: toProblem(error) });
    }
  }

  private withDeadline<T>(request: () => Promise<T>): Promise<T> {
    const { environment } = this.options;
    const signal = AbortSignal.timeout(DEADLINE_MS);
    const deadline = environment.now() + DEADLINE_MS;
    return withRetries(request, { environment, signal, deadline });
  }
}

const isNotFound = (error: unknown) =>
  error instanceof ApiError && (error.status === 404 || error.status === 410);

/** An item that does not exist is deleted already. */
function ignoreNotFound(error: unknown): void {
  if (!isNotFound(error)) throw error;
}
