import type { Api } from '../../api/client';
import { ApiError, inWords, NetworkError } from '../../api/errors';
import { remember } from '../../storage/preferences';
import { persist } from '../../api/retry';
import type { Row } from '../../state/reducer';
import type { Store } from '../../state/store';
import type { Choice, Conversion } from '../../api/types';
import { newKey, type World } from '../../lib/environment';

/** A person who pressed a button gets an answer within this time, even if it is that there is none. */
const PATIENCE_MS = 30_000;

export interface ConvertingOptions {
  api: Api;
  store: Store;
  world: World;
  forget: (key: string) => Promise<void>;
}

/** What a person does to uploads and conversions that the service already has. */
export class Converting {
  private readonly asked = new Map<string, Promise<void>>();

  constructor(private readonly options: ConvertingOptions) {}

  /** Fetches what is not known yet, or known only from events, which tell no more than how far it is. */
  learn(id: string): Promise<void> {
    const { api, store } = this.options;
    const underWay = this.asked.get(id);
    if (underWay) return underWay;
    const asking = this.patiently(() => api.getConversion(id))
      .then((conversion) => store.dispatch({ type: 'conversion', conversion }))
      .catch((error) => {
        if (isMissing(error)) store.dispatch({ type: 'gone', id });
      })
      .finally(() => this.asked.delete(id));
    this.asked.set(id, asking);
    return asking;
  }

  async learnUpload(id: string): Promise<void> {
    const { api, store } = this.options;
    await this.patiently(() => api.getUpload(id))
      .then((upload) => store.dispatch({ type: 'upload', upload }))
      .catch(() => undefined);
  }

  /** The same upload in another format. The key makes sure that a repeated request makes one conversion. */
  async again(row: Row, choice: Choice): Promise<boolean> {
    const { api, store } = this.options;
    const key = newKey();
    if (!row.upload) return false;
    remember(choice);
    store.changeRow(row.key, { busy: true, trouble: undefined });
    try {
      const id = row.upload.id;
      const conversion = await this.patiently(() => api.createConversion(id, choice, key));
      store.dispatch({ type: 'conversion', conversion });
      store.changeRow(row.key, { busy: false });
      return true;
    } catch (error) {
      store.changeRow(row.key, { busy: false, trouble: inWords(error) });
      return false;
    }
  }

  /** A failed or cancelled one once more; the old one goes, for it has nothing to offer. */
  async retry(row: Row, old: Conversion): Promise<void> {
    const choice = Object.fromEntries(
      Object.entries({ ...old.options, format: old.format }).filter(([, value]) => value !== null),
    ) as unknown as Choice;
    if (await this.again(row, choice)) await this.remove(old.id);
  }

  async cancel(id: string): Promise<void> {
    await this.about(id, async () => {
      await this.patiently(() => this.options.api.cancelConversion(id)).catch((error) => {
        if (!(error instanceof ApiError && error.code === 'conversion_finished')) throw error;
      });
      await this.learn(id);
    });
  }

  async remove(id: string): Promise<void> {
    await this.about(id, async () => {
      await this.patiently(() => this.options.api.deleteConversion(id)).catch(unlessMissing);
      this.options.store.dispatch({ type: 'gone', id });
    });
  }

  /** The file, its conversions and their results, here and there. */
  async removeRow(row: Row): Promise<void> {
    const { api, store, forget } = this.options;
    const upload = row.upload;
    if (upload) {
      store.changeRow(row.key, { busy: true, trouble: undefined });
      try {
        await this.patiently(() => api.deleteUpload(upload.id)).catch(unlessMissing);
        store.dispatch({ type: 'gone', id: upload.id });
      } catch (error) {
        return store.changeRow(row.key, { busy: false, trouble: inWords(error) });
      }
    }
    store.dispatch({ type: 'row-removed', key: row.key });
    store.dispatch({ type: 'say', text: `${row.name} was removed.` });
    await forget(row.key);
  }

  private async about(id: string, work: () => Promise<void>): Promise<void> {
    const { store } = this.options;
    store.dispatch({ type: 'trouble', id, trouble: undefined });
    try {
      await work();
    } catch (error) {
      store.dispatch({ type: 'trouble', id, trouble: inWords(error) });
    }
  }

  private async patiently<T>(request: () => Promise<T>): Promise<T> {
    const signal = AbortSignal.timeout(PATIENCE_MS);
    try {
      return await persist(request, { world: this.options.world, signal });
    } catch (error) {
      throw error instanceof DOMException ? new NetworkError('no answer in time') : error;
    }
  }
}

const isMissing = (error: unknown) =>
  error instanceof ApiError && (error.status === 404 || error.status === 410);

/** What is not there any more is deleted. */
function unlessMissing(error: unknown): void {
  if (!isMissing(error)) throw error;
}
