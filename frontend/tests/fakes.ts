import { NetworkError } from '../src/api/errors';
import type { Events } from '../src/live/liveUpdates';
import type { Keeper, Kept } from '../src/storage/uploadStorage';
import type { Conversion, Format, NewUpload, Progress, SignedPart, Upload } from '../src/api/types';
import type { UploadApi } from '../src/features/upload/multipartUploader';
import type { World } from '../src/lib/environment';

export const PART = 10;

export function anUpload(change: Partial<Upload> = {}): Upload {
  return {
    id: 'upl_1',
    status: 'uploading',
    filename: 'song.wav',
    size: 95,
    part_size: PART,
    part_count: 10,
    completed_parts: [],
    uploaded_bytes: 0,
    percent: 0,
    conversions: [],
    version: 1,
    created_at: '2026-01-01T10:00:00Z',
    updated_at: '2026-01-01T10:00:00Z',
    expires_at: '2026-01-02T10:00:00Z',
    ...change,
  };
}

export function aConversion(change: Partial<Conversion> = {}): Conversion {
  return {
    id: 'cnv_1',
    upload_id: 'upl_1',
    status: 'converting',
    phase: 'converting',
    percent: 40,
    format: 'mp3',
    options: { bitrate: '192k' },
    warnings: [],
    version: 5,
    created_at: '2026-01-01T10:00:00Z',
    expires_at: '2026-01-02T10:00:00Z',
    ...change,
  };
}

export function aProgress(change: Partial<Progress> = {}): Progress {
  return {
    id: 'cnv_1',
    kind: 'conversion',
    status: 'converting',
    phase: 'converting',
    percent: 50,
    version: 6,
    ...change,
  };
}

export const FORMATS: Format[] = [
  {
    format: 'mp3',
    extension: 'mp3',
    media_type: 'audio/mpeg',
    lossless: false,
    options: {
      bitrate: ['128k', '192k', '320k'],
      quality: { min: 0, max: 9, default: 2, best: 0 },
      sample_rate: [44100, 48000],
      channels: [1, 2],
    },
  },
  {
    format: 'flac',
    extension: 'flac',
    media_type: 'audio/flac',
    lossless: true,
    options: { sample_rate: [44100, 96000], channels: [1, 2, 6], bit_depth: [16, 24] },
  },
];

function abortable(
  signal: AbortSignal,
  error: Error,
  begin: (resolve: () => void) => void,
): Promise<void> {
  return new Promise<void>((resolve, reject) => {
    const stop = () => reject(error);
    signal.addEventListener('abort', stop);
    begin(() => {
      signal.removeEventListener('abort', stop);
      resolve();
    });
  });
}

/** Sleeps last no time, unless held; all are written down. */
export class FakeWorld implements World {
  slept: number[] = [];
  isOnline = true;
  clock = 0;
  private held: (() => void)[] | undefined;

  now = () => (this.clock += 100);
  random = () => 0.5;
  online = () => this.isOnline;

  hold(): void {
    this.held = [];
  }
  release(): void {
    const waiting = this.held ?? [];
    this.held = undefined;
    waiting.forEach((go) => go());
  }
  sleep(ms: number, signal: AbortSignal): Promise<void> {
    this.slept.push(ms);
    return abortable(signal, new DOMException('stopped', 'AbortError'), (resolve) => {
      if (this.held) this.held.push(resolve);
      else setTimeout(resolve, 0);
    });
  }
}

export type Call = [leg: keyof UploadApi, part?: number];

/** The upload service and storage in one. `trouble` may throw in the place of an answer. */
export class FakeUploads implements UploadApi {
  calls: Call[] = [];
  urls: string[] = [];
  sizes = new Map<number, number>();
  inStorage = new Set<number>();
  atOnce = 0;
  mostAtOnce = 0;
  upload = anUpload();
  trouble: (leg: keyof UploadApi, part?: number) => void | Promise<void> = () => undefined;
  /** When set, a PUT lasts until it resolves. */
  gate: Promise<void> | undefined;
  private signatures = 0;

  count = (leg: keyof UploadApi, part?: number) =>
    this.calls.filter(([each, n]) => each === leg && (part === undefined || n === part)).length;
  parts = (leg: keyof UploadApi) => this.calls.filter(([each]) => each === leg).map(([, n]) => n!);

  createUpload = (request: NewUpload) =>
    this.answer(
      'createUpload',
      undefined,
      () => (this.upload = { ...this.upload, filename: request.filename }),
    );
  getUpload = () => this.answer('getUpload');
  reportPart = (_: string, n: number) => this.answer('reportPart', n, () => this.confirm(n));
  completeUpload = () =>
    this.answer(
      'completeUpload',
      undefined,
      () =>
        (this.upload = { ...this.upload, status: 'uploaded', version: this.upload.version + 1 }),
    );

  signParts = async (_: string, numbers: number[]): Promise<SignedPart[]> => {
    this.calls.push(['signParts', numbers[0]]);
    await this.trouble('signParts', numbers[0]);
    this.signatures++;
    return numbers.map((n) => ({
      part_number: n,
      url: `https://storage/${n}?signature=${this.signatures}`,
      headers: {},
      expires_at: '2099-01-01T00:00:00Z',
    }));
  };

  putSigned = async (
    part: SignedPart,
    body: Blob,
    onBytes: (sent: number) => void,
    signal: AbortSignal,
  ): Promise<void> => {
    this.urls.push(part.url);
    await this.put('putSigned', part.part_number, body, onBytes, signal);
  };

  putPart = async (
    _: string,
    n: number,
    body: Blob,
    onBytes: (sent: number) => void,
    signal: AbortSignal,
  ): Promise<Upload> => {
    await this.put('putPart', n, body, onBytes, signal);
    this.confirm(n);
    return this.upload;
  };

  private async put(
    leg: 'putSigned' | 'putPart',
    n: number,
    body: Blob,
    onBytes: (sent: number) => void,
    signal: AbortSignal,
  ): Promise<void> {
    this.calls.push([leg, n]);
    this.mostAtOnce = Math.max(this.mostAtOnce, ++this.atOnce);
    try {
      onBytes(Math.ceil(body.size / 2));
      await abortable(signal, new NetworkError('stopped'), (resolve) => {
        void (this.gate ?? Promise.resolve()).then(() => setTimeout(resolve, 1));
      });
      await this.trouble(leg, n);
      onBytes(body.size);
      this.inStorage.add(n);
      this.sizes.set(n, body.size);
    } finally {
      this.atOnce--;
    }
  }

  private confirm(n: number): Upload {
    const completed_parts = [...new Set([...this.upload.completed_parts, n])].sort((a, b) => a - b);
    return (this.upload = { ...this.upload, completed_parts, version: this.upload.version + 1 });
  }

  private async answer(leg: keyof UploadApi, part?: number, effect?: () => void): Promise<Upload> {
    this.calls.push([leg, part]);
    await this.trouble(leg, part);
    effect?.();
    return this.upload;
  }
}

export class FakeEvents implements Events {
  static all: FakeEvents[] = [];
  readyState = 0;
  onopen: ((event: Event) => void) | null = null;
  onerror: ((event: Event) => void) | null = null;
  private readonly listeners = new Map<string, (event: MessageEvent) => void>();

  constructor() {
    FakeEvents.all.push(this);
  }
  addEventListener(type: string, listener: (event: MessageEvent) => void): void {
    this.listeners.set(type, listener);
  }
  close(): void {
    this.readyState = 2;
  }
  open(): void {
    this.readyState = 1;
    this.onopen?.({} as Event);
  }
  /** The connection broke off: the browser itself is trying again. */
  breakOff(): void {
    this.readyState = 0;
    this.onerror?.({} as Event);
  }
  /** The answer was an error: the browser has given up. */
  refuse(): void {
    this.readyState = 2;
    this.onerror?.({} as Event);
  }
  say(type: string, data: unknown, lastEventId = ''): void {
    this.listeners.get(type)?.({
      data: typeof data === 'string' ? data : JSON.stringify(data),
      lastEventId,
    } as MessageEvent);
  }
}

export class MemoryKeeper implements Keeper {
  notes = new Map<string, Kept>();
  files = new Map<string, File>();
  all = async () => [...this.notes.values()];
  put = async (kept: Kept) => void this.notes.set(kept.key, kept);
  keepFile = async (key: string, file: File) => void this.files.set(key, file);
  file = async (key: string) => this.files.get(key);
  drop = async (key: string) => {
    this.notes.delete(key);
    this.files.delete(key);
  };
}
