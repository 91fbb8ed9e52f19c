import { fingerprint } from './fingerprint';
import { defaultChoice } from '../conversion/conversionSettings';
import type { HoldLock, Keeper, Kept } from '../../storage/uploadStorage';
import { remembered, rememberedOrder } from '../../storage/preferences';
import type { Sending } from './uploadManager';
import type { Row } from '../../state/reducer';
import type { Store } from '../../state/store';
import type { Upload } from '../../api/types';

/** Drafts that nobody came back to; the bytes must not stay in the browser for ever. */
const DRAFT_LIFE_MS = 3 * 24 * 3600 * 1000;

export interface ResumingOptions {
  store: Store;
  keeper: Keeper;
  sending: Sending;
  lock: HoldLock;
}

/** Puts the list together again from what the service knows and what this browser kept. */
export class Resuming {
  private readonly offered = new Map<string, File>();

  constructor(private readonly options: ResumingOptions) {}

  async rebuild(uploads: Upload[]): Promise<void> {
    const { store, keeper, sending } = this.options;
    const kept = await keeper.all();
    const order = rememberedOrder();
    // Those that this browser has not shown yet are new, and come first.
    const pairs = uploads
      .toSorted((a, b) => order.indexOf(a.id) - order.indexOf(b.id))
      .map((upload) => ({ upload, kept: keptFor(upload, kept) }));
    store.dispatch({
      type: 'rows-added',
      rows: pairs.map(({ upload, kept: mine }) => this.row(upload, mine)),
    });
    const used = new Set(pairs.map((pair) => pair.kept));
    for (const mine of kept.filter((each) => !used.has(each))) {
      const file =
        mine.uploadId || Date.now() - mine.keptAt > DRAFT_LIFE_MS
          ? undefined
          : await keeper.file(mine.key);
      if (file) await sending.restoreDraft(mine, file);
      else if (await this.isFree(mine.key)) await keeper.drop(mine.key);
    }
    for (const { upload, kept: mine } of pairs)
      if (upload.status === 'uploading') await this.goOn(upload, mine);
  }

  /** An upload that this page has not seen begin: from another tab, or from a program with the same session. */
  async adopt(upload: Upload): Promise<void> {
    const { store, keeper } = this.options;
    const mine = keptFor(upload, await keeper.all());
    if (store.get().rows.some((row) => row.upload?.id === upload.id || row.key === mine?.key))
      return;
    store.dispatch({ type: 'rows-added', rows: [this.row(upload, mine)] });
    if (upload.status === 'uploading') await this.goOn(upload, mine);
  }

  /** Somebody chose a file to continue with. Only the very same one will do: parts of two files make no file. */
  async offer(key: string, file: File): Promise<void> {
    const { store, keeper, sending } = this.options;
    const row = store.row(key);
    if (!row) return;
    const mine = (await keeper.all()).find((each) => each.key === key);
    const same =
      file.name === row.name &&
      file.size === row.size &&
      (!mine?.fingerprint || mine.fingerprint === (await fingerprint(file)));
    if (same) return sending.continue(key, file, mine);
    this.offered.set(key, file);
    store.changeRow(key, { otherFile: file.name });
  }

  /** The other file that was offered, as a new row; the old one goes. */
  startAnew(key: string): void {
    const file = this.offered.get(key);
    this.offered.delete(key);
    if (file) this.options.sending.add([file], this.options.store.row(key)?.choice);
  }

  private row(upload: Upload, kept: Kept | undefined): Row {
    const choice =
      kept?.choice ?? remembered().last ?? defaultChoice(this.options.store.get().formats);
    const stage =
      upload.status === 'uploaded' ? 'stored' : upload.status === 'uploading' ? 'orphan' : 'broken';
    const trouble =
      stage === 'broken'
        ? (upload.error ?? {
            code: upload.status,
            detail: 'This upload was stopped before it was complete.',
          })
        : undefined;
    return {
      key: kept?.key ?? upload.id,
      name: kept?.name ?? upload.filename,
      size: upload.size,
      stage,
      choice,
      upload,
      trouble,
    };
  }

  private async goOn(upload: Upload, kept: Kept | undefined): Promise<void> {
    const { keeper, sending, store } = this.options;
    const file = kept && (await keeper.file(kept.key));
    if (file?.size === upload.size) {
      // Not awaited: where another tab sends it, this waits for as long as that tab lives.
      void sending.continue(kept!.key, file, { ...kept!, uploadId: upload.id });
    } else if (kept && !(await this.isFree(kept.key))) {
      store.changeRow(kept.key, { stage: 'elsewhere' });
    }
  }

  private async isFree(key: string): Promise<boolean> {
    const release = await this.options.lock(key);
    release?.();
    return release !== undefined;
  }
}

/** By id, or, when the page went away just before it learnt the id, by what the file looks like and when. */
function keptFor(upload: Upload, kept: Kept[]): Kept | undefined {
  const lost = (each: Kept) =>
    !each.uploadId &&
    upload.status === 'uploading' &&
    each.name === upload.filename &&
    each.size === upload.size &&
    each.keptAt <= Date.parse(upload.created_at);
  return kept.find((each) => each.uploadId === upload.id) ?? kept.find(lost);
}
