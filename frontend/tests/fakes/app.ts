// jsdom's File has no arrayBuffer. The File of Node.js has one.
import { File as ReadableFile } from 'node:buffer';
import { vi } from 'vitest';
import type { ApiClient } from '../../src/api/client';
import type { Upload } from '../../src/api/types';
import { AppController } from '../../src/appController';
import { aConversion, anOutput, FORMATS } from './documents';
import { FakeEnvironment } from './environment';
import { FakeEventStream } from './eventStream';
import { FakeUploadApi } from './uploadApi';
import { FakeUploadStorage } from './uploadStorage';

export function aFile(name = 'song.wav', size = 95, fill = 0): File {
  const bytes = new Uint8Array(size).fill(fill);
  return new ReadableFile([bytes], name, { type: 'audio/wav' }) as unknown as File;
}

const limits = { max_file_size: 1_000, lifetime: 86_400 };

/** An app with a fake API, storage and environment. */
export class FakeApp {
  readonly uploadApi = new FakeUploadApi();
  readonly storage = new FakeUploadStorage();
  readonly environment = new FakeEnvironment();
  /** The uploads that the service lists. */
  listedUploads: Upload[] = [];
  /** The listings in the order in which they start and end. */
  requestLog: string[] = [];
  /** URLs that the page gave to the browser for download. */
  savedUrls: string[] = [];
  /** Keys of files that another tab uploads. */
  lockedKeys = new Set<string>();
  /** Keys of files that this tab has locked. */
  ownLocks = new Set<string>();
  readonly api = this.createApi();
  readonly controller: AppController;

  constructor({ isUploadedEarly = false, undoMs = 0 } = {}) {
    localStorage.clear();
    localStorage.setItem('tinypixo:early-upload', isUploadedEarly ? 'on' : 'off');
    FakeEventStream.opened = [];
    this.controller = new AppController({
      api: this.api,
      storage: this.storage,
      environment: this.environment,
      undoMs,
      saveUrl: (url) => this.savedUrls.push(url),
      acquireLock: async (key, wait) => {
        if (this.lockedKeys.has(key)) {
          return wait ? new Promise<never>(() => undefined) : undefined;
        }
        this.ownLocks.add(key);
        return () => void this.ownLocks.delete(key);
      },
    });
  }

  get state() {
    return this.controller.store.getState();
  }

  get rows() {
    return this.state.rows;
  }

  get eventStream(): FakeEventStream {
    return FakeEventStream.opened[0]!;
  }

  private createApi() {
    return {
      ...this.uploadApi,
      listFormats: vi.fn<ApiClient['listFormats']>(async () => {
        this.requestLog.push('formats');
        await Promise.resolve();
        this.requestLog.push('formats answered');
        return FORMATS;
      }),
      listUploadsWithLimits: async () => ({ uploads: await this.api.listUploads(), limits }),
      listUploads: async () => {
        this.requestLog.push('uploads');
        // The service knows the uploads that it lists.
        const [open] = this.listedUploads.filter(({ status }) => status === 'uploading');
        if (open) this.uploadApi.upload = open;
        return this.listedUploads;
      },
      listConversions: async () => {
        this.requestLog.push('conversions');
        return [];
      },
      getConversion: vi.fn<ApiClient['getConversion']>(async (id) => {
        return aConversion({ id, status: 'completed', version: 20, output: anOutput() });
      }),
      createConversion: vi.fn<ApiClient['createConversion']>(async () =>
        aConversion({ id: 'cnv_2' }),
      ),
      getDownload: vi.fn<ApiClient['getDownload']>(async () => ({
        url: 'https://storage/song.mp3?signature=1',
        filename: 'song.mp3',
        media_type: 'audio/mpeg',
        size: 9,
        expires_at: '2099-01-01T00:00:00Z',
      })),
      cancelConversion: vi.fn<ApiClient['cancelConversion']>(async () => undefined),
      deleteConversion: vi.fn<ApiClient['deleteConversion']>(async () => undefined),
      deleteUpload: vi.fn<ApiClient['deleteUpload']>(async () => undefined),
      getProgress: async () => ({ state: 'unchanged' as const }),
      openEventStream: () => new FakeEventStream() as unknown as EventSource,
    };
  }
}
