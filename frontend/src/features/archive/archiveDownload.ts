import type { ApiClient } from '../../api/client';
import { ownProblem, toProblem } from '../../api/errors';
import { withRetries } from '../../api/retry';
import { getFromStorage } from '../../api/transport';
import type { Environment } from '../../lib/environment';
import { saveByLink } from '../../lib/saveByLink';
import type { Store } from '../../state/store';
import { isArchiveKept } from '../../storage/preferences';
import { deleteArchives, MAX_AGE_MS, saveArchive } from './archiveFiles';
import { pack, type ArchiveEntry } from './packing';
import { resultFiles, type ArchivedResult } from './resultFiles';

/** Time in which the browser begins to save an archive. */
const URL_LIFETIME_MS = 60_000;
/**
 * Age at which archives are deleted once all results were removed from the list.
 *
 * The browser has copied one of any usual size by then.
 */
const MAX_AGE_WITHOUT_RESULTS_MS = 5 * 60_000;
/** Delay before a broken download goes on. */
const RESUME_DELAY_MS = 500;

export interface ArchiveDownloadOptions {
  api: Pick<ApiClient, 'getDownload'>;
  store: Store;
  environment: Environment;
}

/** Download all results as one archive, and say how far it is. */
export class ArchiveDownload {
  private aborter = new AbortController();
  private running: Promise<void> | undefined;
  private timer: ReturnType<typeof setTimeout> | undefined;

  constructor(private readonly options: ArchiveDownloadOptions) {}

  /** Resolve when the archive is saved or has failed. Only one is made at a time. */
  start(): Promise<void> {
    return (this.running ??= this.run().finally(() => (this.running = undefined)));
  }

  private async run(): Promise<void> {
    const { store, environment } = this.options;
    const { signal } = (this.aborter = new AbortController());
    const files = resultFiles(store.getState());
    const onPacked = (packed: number) =>
      store.dispatch({ type: 'packing-changed', packing: { packed, count: files.length } });
    store.dispatch({ type: 'list-problem-changed', problem: undefined });
    onPacked(0);
    try {
      const entries = files.map((file) => this.entryOf(file, signal));
      const pause = () => environment.sleep(RESUME_DELAY_MS, signal);
      const archive = await saveArchive(pack(entries, { signal, onPacked, pause }), signal);
      const url = URL.createObjectURL(archive);
      saveByLink(url, 'TinyPixo.zip');
      setTimeout(() => URL.revokeObjectURL(url), URL_LIFETIME_MS);
      this.deleteOldIn(MAX_AGE_MS);
    } catch (error) {
      const isFull = (error as Error | undefined)?.name === 'QuotaExceededError';
      const problem = isFull ? ownProblem('disk_full') : toProblem(error);
      if (!signal.aborted) store.dispatch({ type: 'list-problem-changed', problem });
    } finally {
      store.dispatch({ type: 'packing-changed', packing: undefined });
    }
  }

  cancel(): void {
    this.aborter.abort();
  }

  /**
   * Delete the archives that the browser has copied to the downloads folder by now.
   *
   * They are kept for less time if all results were removed from the list.
   */
  async deleteOld(): Promise<void> {
    const hasResults = resultFiles(this.options.store.getState()).length > 0;
    const minAgeMs = hasResults ? MAX_AGE_MS : MAX_AGE_WITHOUT_RESULTS_MS;
    await deleteArchives(minAgeMs);
    if (isArchiveKept()) this.deleteOldIn(minAgeMs);
  }

  /** One timer is enough: it deletes all that are old by then, and begins again if some are not. */
  private deleteOldIn(ms: number): void {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => void this.deleteOld(), ms);
  }

  /** Delete the archives that are still in this browser. */
  async deleteAll(): Promise<void> {
    this.cancel();
    await this.running;
    await deleteArchives();
  }

  /** Each opening asks for a new URL, because the one before may have expired. */
  private entryOf({ conversion, path }: ArchivedResult, signal: AbortSignal): ArchiveEntry {
    const { api, environment } = this.options;
    const open = async (position: number) => {
      const { url, size } = await api.getDownload(conversion.id);
      return { size, body: (await getFromStorage(url, position, signal)).body! };
    };
    return {
      path,
      lastModified: new Date(conversion.created_at),
      open: (position) => withRetries(() => open(position), { environment, signal }),
    };
  }
}
