import type { Api } from '../../api/client';
import { NetworkError } from '../../api/errors';
import { fingerprint } from './fingerprint';
import { defaultChoice, sanitise } from '../conversion/conversionSettings';
import type { HoldLock, Keeper, Kept } from '../../storage/uploadStorage';
import { newerSnapshot } from '../../state/merge';
import { remember, remembered } from '../../storage/preferences';
import type { Row } from '../../state/reducer';
import type { Store } from '../../state/store';
import type { Choice, NewUpload, Upload } from '../../api/types';
import { Uploader, type Transfer } from './multipartUploader';
import { newKey, type World } from '../../lib/environment';

/** Files on the line at once: two hide the pauses between small files, more only share the line out. */
const FILES_AT_ONCE = 2;

export interface SendingOptions {
  api: Api;
  store: Store;
  keeper: Keeper;
  world: World;
  lock: HoldLock;
  /** An upload of ours exists now, or has arrived: its conversions can be looked for. */
  onUpload: (upload: Upload) => void;
  discard: (uploadId: string) => Promise<void>;
}

/** From a chosen file to a complete upload: what waits, what is on the line, what this browser keeps of it. */
export class Sending {
  private readonly files = new Map<string, File>();
  private readonly notes = new Map<string, Kept>();
  private readonly uploaders = new Map<string, Uploader>();
  private readonly locks = new Map<string, () => void>();
  private queue: string[] = [];
  private keeping: Promise<unknown> = Promise.resolve();
  private storageUnreachable = false;

  constructor(private readonly options: SendingOptions) {}

  /** An upload is being created: news about an unknown id may be about that one. */
  get creating(): boolean {
    return [...this.uploaders.values()].some((uploader) => uploader.state.phase === 'creating');
  }

  add(files: File[], choice?: Choice): void {
    const { store, lock } = this.options;
    const { formats } = store.get();
    const usual = choice ?? remembered().last;
    const rows = files.map((file): Row => {
      const row = {
        key: newKey(),
        name: file.name,
        size: file.size,
        choice: usual ? sanitise(usual, formats) : defaultChoice(formats),
      };
      if (file.size === 0)
        return {
          ...row,
          stage: 'refused',
          trouble: {
            code: 'file_empty',
            detail: 'This file is empty (0 bytes): there is nothing in it to convert.',
          },
        };
      this.files.set(row.key, file);
      this.keepBytes(row, file);
      void lock(row.key).then((release) => release && this.locks.set(row.key, release));
      return { ...row, stage: 'draft' };
    });
    store.dispatch({ type: 'rows-added', rows });
  }

  /** A draft from before a reload; another tab that shows it keeps it. */
  async restoreDraft(kept: Kept, file: File): Promise<void> {
    const release = await this.options.lock(kept.key);
    if (!release) return;
    this.locks.set(kept.key, release);
    this.files.set(kept.key, file);
    this.notes.set(kept.key, kept);
    const { store } = this.options;
    const choice = sanitise(kept.choice, store.get().formats);
    store.dispatch({
      type: 'rows-added',
      rows: [{ key: kept.key, name: kept.name, size: kept.size, choice, stage: 'draft' }],
    });
  }

  choose(key: string, choice: Choice): void {
    this.options.store.changeRow(key, { choice });
    remember(choice);
    void this.note(key, { choice });
  }

  convert(key: string): void {
    const row = this.options.store.row(key);
    if (row?.stage !== 'draft') return;
    remember(row.choice);
    this.enqueue(key);
  }

  convertAll(): void {
    for (const row of this.options.store.get().rows) this.convert(row.key);
  }

  pause(key: string): void {
    this.uploaders.get(key)?.pause();
    this.pump();
  }

  /** Goes on after a pause or a failure. */
  resume(key: string): void {
    const uploader = this.uploaders.get(key);
    if (uploader) void this.run(key, uploader);
  }

  /** Continues an upload that was begun before this page was loaded, or in a tab that is gone. */
  async continue(key: string, file: File, kept?: Kept): Promise<void> {
    const { store, lock } = this.options;
    this.files.set(key, file);
    if (kept) this.notes.set(key, kept);
    let release = await lock(key);
    if (!release) {
      store.changeRow(key, { stage: 'elsewhere' });
      release = await lock(key, true);
    }
    const stage = store.row(key)?.stage;
    if (stage !== 'elsewhere' && stage !== 'orphan') return release?.();
    if (release) this.locks.set(key, release);
    this.enqueue(key);
  }

  /** Stops whatever is under way for this row and forgets what this browser keeps of it. */
  async forget(key: string): Promise<void> {
    this.queue = this.queue.filter((each) => each !== key);
    this.uploaders.get(key)?.cancel();
    this.uploaders.delete(key);
    this.files.delete(key);
    this.notes.delete(key);
    this.pump();
    await this.keeping;
    await this.options.keeper.drop(key);
    this.locks.get(key)?.();
    this.locks.delete(key);
  }

  private enqueue(key: string): void {
    this.options.store.changeRow(key, {
      stage: 'queued',
      trouble: undefined,
      otherFile: undefined,
    });
    this.queue.push(key);
    this.pump();
  }

  private pump(): void {
    const busy = [...this.uploaders.values()].filter(({ state }) =>
      ['creating', 'uploading', 'finishing'].includes(state.phase),
    ).length;
    for (const key of this.queue.splice(0, Math.max(0, FILES_AT_ONCE - busy))) this.start(key);
  }

  private start(key: string): void {
    const { world, store, discard } = this.options;
    const row = store.row(key);
    const file = this.files.get(key);
    if (!row || !file) return;
    const uploader = new Uploader({
      api: { ...this.options.api, createUpload: this.creator() },
      world,
      file,
      request: {
        filename: row.name,
        size: row.size,
        ...(file.type ? { content_type: file.type } : {}),
        convert: row.choice,
      },
      upload: row.upload,
      viaService: this.storageUnreachable,
      onChange: (transfer) => this.changed(key, transfer),
      onOrphan: (upload) => void discard(upload.id),
    });
    this.uploaders.set(key, uploader);
    store.changeRow(key, { stage: 'sending', transfer: uploader.state });
    void this.run(key, uploader);
  }

  /** A creation whose answer got lost may have happened all the same: it is looked for before asking once more. */
  private creator(): Api['createUpload'] {
    const { api, store } = this.options;
    const isOurs = (upload: Upload, { filename, size }: NewUpload) =>
      upload.status === 'uploading' &&
      upload.filename === filename &&
      upload.size === size &&
      upload.completed_parts.length === 0 &&
      !store.get().rows.some((row) => row.upload?.id === upload.id);
    let lost = false;
    return async (request) => {
      const made = lost
        ? (await api.listUploads()).find((upload) => isOurs(upload, request))
        : undefined;
      if (made) return made;
      return api.createUpload(request).catch((error) => {
        lost = error instanceof NetworkError;
        throw error;
      });
    };
  }

  private async run(key: string, uploader: Uploader): Promise<void> {
    await uploader.run();
    if (this.uploaders.get(key) === uploader && uploader.state.phase === 'done') {
      this.options.store.changeRow(key, { stage: 'stored', transfer: undefined });
      if (uploader.state.upload) this.options.onUpload(uploader.state.upload);
      return this.forget(key);
    }
    this.pump();
  }

  private changed(key: string, transfer: Transfer): void {
    const { store, onUpload } = this.options;
    const row = store.row(key);
    if (!row || !this.uploaders.has(key)) return;
    this.storageUnreachable ||= transfer.viaService;
    const upload = transfer.upload ? newerSnapshot(row.upload, transfer.upload) : undefined;
    store.changeRow(key, { transfer, upload });
    if (upload && !row.upload) {
      void this.note(key, { uploadId: upload.id, choice: row.choice });
      onUpload(upload);
    }
  }

  /** One after the other: copies of many files at once would only fight for the disk. */
  private keepBytes(
    { key, name, size, choice }: Pick<Row, 'key' | 'name' | 'size' | 'choice'>,
    file: File,
  ): void {
    this.notes.set(key, { key, name, size, choice, keptAt: Date.now() });
    this.keeping = this.keeping.then(async () => {
      if (!this.files.has(key)) return;
      await this.note(key, { fingerprint: await fingerprint(file).catch(() => undefined) });
      await this.options.keeper.keepFile(key, file);
    });
  }

  private async note(key: string, change: Partial<Kept>): Promise<void> {
    const known = this.notes.get(key);
    if (!known) return;
    const kept = { ...known, ...change };
    this.notes.set(key, kept);
    await this.options.keeper.put(kept);
  }
}
