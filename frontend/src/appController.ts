import { apiClient, type ApiClient } from './api/client';
import { canRetry, ownProblem } from './api/errors';
import { withRetries } from './api/retry';
import type { Upload } from './api/types';
import type { ArchiveDownload } from './features/archive/archiveDownload';
import { ConversionManager } from './features/conversion/conversionManager';
import { notifyAtTheEnd } from './features/installedApp/notifications';
import { registerServiceWorker } from './features/installedApp/serviceWorkerRegistration';
import { Removals } from './features/removal/removals';
import { inNaturalOrder } from './features/upload/filePaths';
import { mayHaveSound } from './features/upload/mediaFiles';
import { UploadManager } from './features/upload/uploadManager';
import { UploadRestorer } from './features/upload/uploadRestorer';
import { setLanguage, type Language } from './i18n';
import { browserEnvironment, type Environment } from './lib/environment';
import { closeOnEscape } from './lib/escape';
import { saveByLink } from './lib/saveByLink';
import { LiveUpdates } from './live/liveUpdates';
import { UpdateHandler } from './live/updateHandler';
import { SHARED_CACHE } from './serviceWorker/sharedCache';
import { shownRows } from './state/reducer';
import type { Row } from './state/state';
import { Store } from './state/store';
import { acquireWebLock, type AcquireLock } from './storage/locks';
import { saveOrderOnChange } from './storage/order';
import { isArchiveKept, saveLanguage, setUploadedEarly } from './storage/preferences';
import { IndexedDbUploadStorage, type UploadStorage } from './storage/uploadStorage';
import { shownText } from './lib/shownText';

/** Delay before the page starts over after the services answered with errors. */
const STARTUP_RETRY_MS = 10_000;

/** Time in which a removal can be undone. */
const UNDO_MS = 8_000;

export interface AppControllerOptions {
  api?: ApiClient;
  storage?: UploadStorage;
  environment?: Environment;
  acquireLock?: AcquireLock;
  saveUrl?: (url: string) => void;
  undoMs?: number;
}

/** Create and connect everything that the components need. They get this object and the state. */
export class AppController {
  readonly store = new Store();
  /** The files that were chosen in this tab, until they are removed from the list. */
  readonly sourceFiles = new Map<string, File>();
  readonly uploadManager: UploadManager;
  readonly conversionManager: ConversionManager;
  readonly uploadRestorer: UploadRestorer;
  readonly removals: Removals;
  private archive: ArchiveDownload | undefined;
  private readonly liveUpdates: LiveUpdates;
  private readonly api: ApiClient;
  private readonly environment: Environment;

  constructor({
    api = apiClient,
    storage = new IndexedDbUploadStorage(),
    environment = browserEnvironment,
    acquireLock = acquireWebLock,
    saveUrl = saveByLink,
    undoMs = UNDO_MS,
  }: AppControllerOptions = {}) {
    const { store } = this;
    this.api = api;
    this.environment = environment;
    this.conversionManager = new ConversionManager({
      api,
      store,
      environment,
      saveUrl,
      discardUpload: (key) => {
        this.sourceFiles.delete(key);
        return this.uploadManager.runner.discard(key);
      },
    });
    this.uploadManager = new UploadManager({
      api,
      store,
      storage,
      environment,
      acquireLock,
      sourceFiles: this.sourceFiles,
      onUploadAvailable: (upload) => updates.fetchConversionsOf(upload),
      deleteUpload: (id) => api.deleteUpload(id).catch(() => undefined),
      startConversion: (row, settings) => this.conversionManager.start(row, settings),
    });
    const { uploadManager, conversionManager } = this;
    this.removals = new Removals({
      store,
      uploadManager,
      deleteFile: (row) => conversionManager.deleteFile(row),
      onDeleted: () => this.deleteOldArchives(),
      undoMs,
    });
    const uploadRestorer = new UploadRestorer({ store, storage, acquireLock, uploadManager });
    this.uploadRestorer = uploadRestorer;
    const updates = new UpdateHandler({
      api,
      store,
      uploadManager,
      uploadRestorer,
      conversionManager,
    });
    this.liveUpdates = new LiveUpdates({
      openStream: api.openEventStream,
      poll: api.getProgress,
      activeIds: () => updates.activeIds(),
      onProgress: (progress) => updates.handleProgress(progress),
      onRemoved: (id) => updates.handleRemoved(id),
      onConnection: (connection) => store.dispatch({ type: 'connection-changed', connection }),
      probe: api.listFormats,
      onPoll: () => updates.fetchMissingConversions(),
    });
  }

  /** Ask for the parts of an open upload that S3 has: the list may lack those sent last. */
  private readonly reconcile = (upload: Upload): Promise<Upload> =>
    upload.status === 'uploading'
      ? this.api.getUpload(upload.id).catch(() => upload)
      : Promise.resolve(upload);

  /** Load everything that the services know, restore the list and start live updates. */
  async start(): Promise<void> {
    const { api, store, liveUpdates } = this;
    // The first response brings the session cookie. Two first requests would create two sessions.
    const formats = await this.requestAtStartup(api.listFormats);
    const [{ uploads, limits }, conversions] = await Promise.all([
      this.requestAtStartup(api.listUploadsWithLimits),
      this.requestAtStartup(api.listConversions),
    ]);
    for (const conversion of conversions) {
      store.dispatch({ type: 'conversion-received', conversion });
    }
    store.dispatch({ type: 'startup-changed', startup: 'ready', formats, limits });
    await this.uploadRestorer.restore(await Promise.all(uploads.map(this.reconcile)));
    saveOrderOnChange(store);
    liveUpdates.start();
    notifyAtTheEnd(store);
    registerServiceWorker();
    void this.addSharedFiles().catch(() => undefined);
    this.deleteOldArchives();
    let wasStalled = false;
    store.subscribe(() => {
      const isStalled = store.getState().rows.some(({ transfer }) => transfer?.isStalled);
      if (isStalled && !wasStalled) void liveUpdates.checkConnection();
      wasStalled = isStalled;
    });
    window.addEventListener('online', () => liveUpdates.reconnectNow());
    window.addEventListener('offline', () => void liveUpdates.checkConnection());
    window.addEventListener('beforeunload', (event) => {
      if (this.store.getState().rows.some(({ unsaved }) => unsaved)) event.preventDefault();
    });
    window.addEventListener('pagehide', () => this.removals.deleteBeforeLeaving());
    window.addEventListener('keydown', (event) => {
      const isInField = (event.target as Element | null)?.matches?.('input');
      const isUndo = (event.ctrlKey || event.metaKey) && event.key === 'z';
      if (isUndo && !isInField) this.removals.undo();
    });
    window.addEventListener('keydown', closeOnEscape);
    document.addEventListener('visibilitychange', () => {
      if (document.visibilityState === 'visible') liveUpdates.reconnectNow();
    });
  }

  async changeLanguage(language: Language): Promise<void> {
    const { store } = this;
    try {
      await setLanguage(language);
      saveLanguage(language);
      store.dispatch({ type: 'language-changed', language });
    } catch {
      // The catalogue is a file that could not be loaded.
      store.dispatch({ type: 'list-problem-changed', problem: ownProblem('network') });
    }
  }

  /** Add files to the list. A file of an interrupted upload resumes that upload. */
  addFiles(files: File[]): void {
    const interrupted = this.store.getState().rows.filter((row) => row.stage === 'interrupted');
    const newFiles: File[] = [];
    const setAside = files.filter((file) => !mayHaveSound(file));
    this.store.dispatch({ type: 'files-set-aside', names: setAside.map(({ name }) => name) });
    for (const file of inNaturalOrder(files.filter(mayHaveSound))) {
      const row = interrupted.find(
        ({ name, size }) => name === shownText(file.name) && size === file.size,
      );
      if (row) void this.uploadRestorer.resumeWithFile(row.key, file);
      else newFiles.push(file);
    }
    if (newFiles.length) this.uploadManager.addFiles(newFiles);
  }

  retryFailed(): void {
    const state = this.store.getState();
    const rows = shownRows(state);
    for (const conversion of Object.values(state.conversions)) {
      const row = rows.find(({ upload }) => upload?.id === conversion.upload_id);
      const isRetryable = conversion.status === 'failed' && canRetry(conversion.error);
      if (row && isRetryable) void this.conversionManager.retry(row, conversion);
    }
  }

  async removeAll(): Promise<void> {
    await this.removals.remove(shownRows(this.store.getState()));
  }

  /** Delete archives of results that are no longer needed. */
  private deleteOldArchives(): void {
    if (!isArchiveKept()) return;
    void this.loadArchive().then(
      (it) => it.deleteOld(),
      () => undefined,
    );
  }

  /** Delete all files at once, without a time in which that can be undone. */
  async deleteEverything(): Promise<void> {
    await this.removeAll();
    const archive = await this.loadArchive().catch(() => undefined);
    const shared = globalThis.caches?.delete(SHARED_CACHE).catch(() => false);
    await Promise.all([this.removals.deleteNow(), archive?.deleteAll(), shared]);
  }

  /** Decide if files are uploaded while the user chooses their settings. */
  changeEarlyUpload(isEarly: boolean): void {
    const drafts = this.store
      .getState()
      .rows.filter(({ stage, upload, transfer }) => stage === 'draft' && !upload && !transfer);
    setUploadedEarly(isEarly);
    this.uploadManager.runner.uploadEarly(
      drafts.map(({ key }) => key),
      isEarly,
    );
  }

  /** Download all results as one archive. */
  async downloadAll(): Promise<void> {
    const { store } = this;
    try {
      await (await this.loadArchive()).start();
    } catch {
      store.dispatch({ type: 'list-problem-changed', problem: ownProblem('network') });
    }
  }

  cancelDownloadAll(): void {
    this.archive?.cancel();
  }

  private async loadArchive(): Promise<ArchiveDownload> {
    const { api, store, environment } = this;
    const { ArchiveDownload } = await import('./features/archive/archiveDownload');
    return (this.archive ??= new ArchiveDownload({ api, store, environment }));
  }

  async remove(row: Row): Promise<void> {
    await this.removals.remove([row]);
  }

  /** Replace an interrupted upload by the other file that the user chose for it. */
  async startOver(row: Row): Promise<void> {
    this.uploadRestorer.startOver(row.key);
    await this.remove(row);
  }

  /** Add the files that another app has shared with this page. */
  private async addSharedFiles(): Promise<void> {
    if (!(await globalThis.caches?.has(SHARED_CACHE))) return;
    const { addSharedFiles } = await import('./features/installedApp/sharedFiles');
    await addSharedFiles(this.store, (files) => this.addFiles(files));
  }

  /** Repeat a request without limit, because the page cannot be used before it succeeds. */
  private async requestAtStartup<T>(request: () => Promise<T>): Promise<T> {
    const { environment, store } = this;
    const { signal } = new AbortController();
    const showUnreachable = () => {
      if (store.getState().startup === 'starting') {
        store.dispatch({ type: 'startup-changed', startup: 'unreachable' });
      }
    };
    for (;;) {
      try {
        return await withRetries(request, {
          environment,
          signal,
          onWaiting: (reason) => reason && showUnreachable(),
        });
      } catch {
        showUnreachable();
        await environment.sleep(STARTUP_RETRY_MS, signal);
      }
    }
  }
}
