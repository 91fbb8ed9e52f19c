import { api as realApi, type Api } from './api/client';
import { Converting } from './features/conversion/conversionManager';
import { holdLock, IndexedDbKeeper, type HoldLock, type Keeper } from './storage/uploadStorage';
import { Live } from './live/liveUpdates';
import { isFinal } from './state/merge';
import { rememberOrder } from './storage/preferences';
import { persist } from './api/retry';
import { Resuming } from './features/upload/uploadRestorer';
import { Sending } from './features/upload/uploadManager';
import type { Row } from './state/reducer';
import { Store } from './state/store';
import type { Progress, Upload } from './api/types';
import { browserWorld, type World } from './lib/environment';

/** Our own new uploads are known from the answer that made them; another tab's get a row after this long. */
const STRANGER_MS = 1_500;

export interface SessionOptions {
  api?: Api;
  keeper?: Keeper;
  world?: World;
  lock?: HoldLock;
}

/** Everything behind the page, put together. Components get this and the state, nothing else. */
export class Session {
  readonly store = new Store();
  readonly sending: Sending;
  readonly converting: Converting;
  readonly resuming: Resuming;
  private readonly live: Live;
  private readonly api: Api;
  private readonly world: World;

  constructor({
    api = realApi,
    keeper = new IndexedDbKeeper(),
    world = browserWorld,
    lock = holdLock,
  }: SessionOptions = {}) {
    const { store } = this;
    this.api = api;
    this.world = world;
    this.converting = new Converting({
      api,
      store,
      world,
      forget: (key) => this.sending.forget(key),
    });
    this.sending = new Sending({
      api,
      store,
      keeper,
      world,
      lock,
      onUpload: (upload) => this.learnConversions(upload),
      discard: (id) => api.deleteUpload(id).catch(() => undefined),
    });
    this.resuming = new Resuming({ store, keeper, lock, sending: this.sending });
    this.live = new Live({
      open: api.events,
      poll: api.progress,
      active: () => this.active(),
      onProgress: (progress) => this.progressed(progress),
      onRemoved: (id) => this.removed(id),
      onConnection: (connection) => store.dispatch({ type: 'connection', connection }),
      probe: api.formats,
      onPoll: () => this.catchUp(),
    });
  }

  async start(): Promise<void> {
    const { api, store } = this;
    const never = new AbortController().signal;
    const onWait = () =>
      store.get().boot === 'starting' && store.dispatch({ type: 'boot', boot: 'unreachable' });
    const ask = <T>(request: () => Promise<T>) =>
      this.forever(
        () =>
          persist(request, { world: this.world, signal: never, onWait: (why) => why && onWait() }),
        never,
      );
    // A new visitor's first answer brings the session's cookie. Asking two things at once would make two sessions.
    const formats = await ask(api.formats);
    const [uploads, conversions] = await Promise.all([
      ask(api.listUploads),
      ask(api.listConversions),
    ]);
    conversions.forEach((conversion) => store.dispatch({ type: 'conversion', conversion }));
    store.dispatch({ type: 'boot', boot: 'ready', formats });
    await this.resuming.rebuild(uploads);
    this.keepOrder();
    this.live.start();
    window.addEventListener('online', () => this.live.wake());
    window.addEventListener('offline', () => void this.live.doubt());
    document.addEventListener(
      'visibilitychange',
      () => document.visibilityState === 'visible' && this.live.wake(),
    );
  }

  /** New files become rows; one that looks like an interrupted upload continues that. */
  add(files: File[]): void {
    const orphans = this.store.get().rows.filter((row) => row.stage === 'orphan');
    const fresh: File[] = [];
    for (const file of files) {
      const orphan = orphans.find((row) => row.name === file.name && row.size === file.size);
      if (orphan) void this.resuming.offer(orphan.key, file);
      else fresh.push(file);
    }
    if (fresh.length) this.sending.add(fresh);
  }

  async remove(row: Row): Promise<void> {
    // Stop sending first: a part that arrives after the deletion would only be refused.
    if (row.stage === 'sending' || row.stage === 'queued') void this.sending.forget(row.key);
    await this.converting.removeRow(row);
  }

  async startAnew(row: Row): Promise<void> {
    this.resuming.startAnew(row.key);
    await this.remove(row);
  }

  private keepOrder(): void {
    let rows: Row[] | undefined;
    this.store.subscribe(() => {
      if (rows === this.store.get().rows) return;
      rows = this.store.get().rows;
      rememberOrder(rows.flatMap((row) => row.upload?.id ?? []));
    });
  }

  /** The page is of no use before this succeeds, so that no number of refusals ends it. */
  private async forever<T>(work: () => Promise<T>, signal: AbortSignal): Promise<T> {
    for (;;) {
      try {
        return await work();
      } catch {
        this.store.dispatch({ type: 'boot', boot: 'unreachable' });
        await this.world.sleep(10_000, signal);
      }
    }
  }

  private progressed(progress: Progress): boolean {
    const { store } = this;
    const before = store.get();
    if (before.gone[progress.id]) return false;
    store.dispatch({ type: 'progress', progress });
    const after = store.get();
    const conversion = after.conversions[progress.id];
    if (progress.kind === 'conversion') {
      if (!conversion || (conversion.status === 'completed' && !conversion.output))
        void this.converting.learn(progress.id);
    } else if (!after.rows.some((row) => row.upload?.id === progress.id)) {
      this.stranger(progress);
    }
    return after !== before;
  }

  private stranger({ id }: Progress): void {
    setTimeout(() => {
      const { rows, gone } = this.store.get();
      if (gone[id] || rows.some((row) => row.upload?.id === id)) return;
      if (this.sending.creating) return this.stranger({ id } as Progress);
      void this.api
        .getUpload(id)
        .then((upload) => this.resuming.adopt(upload))
        .catch(() => undefined);
    }, STRANGER_MS);
  }

  private removed(id: string): void {
    const row = this.store.get().rows.find((each) => each.upload?.id === id);
    this.store.dispatch({ type: 'gone', id });
    if (row) void this.sending.forget(row.key);
  }

  private learnConversions(upload: Upload): void {
    const { conversions } = this.store.get();
    upload.conversions
      .filter((id) => !conversions[id])
      .forEach((id) => void this.converting.learn(id));
  }

  private active(): string[] {
    const { rows, conversions } = this.store.get();
    const uploads = rows.filter((row) => row.stage === 'elsewhere').map((row) => row.upload!.id);
    return [
      ...Object.values(conversions)
        .filter((each) => !isFinal(each))
        .map((each) => each.id),
      ...uploads,
    ];
  }

  /** Without events nobody tells us of a conversion that began by itself when its file had arrived. */
  private async catchUp(): Promise<void> {
    const { rows, conversions } = this.store.get();
    const having = new Set(Object.values(conversions).map((each) => each.upload_id));
    const waiting = rows.filter(
      (row) =>
        row.stage === 'stored' &&
        row.upload &&
        !having.has(row.upload.id) &&
        Date.now() - Date.parse(row.upload.updated_at) < 120_000,
    );
    if (
      waiting.length === 0 &&
      Object.values(conversions).every((each) => each.status !== 'completed' || each.output)
    )
      return;
    (await this.api.listConversions()).forEach((conversion) =>
      this.store.dispatch({ type: 'conversion', conversion }),
    );
  }
}
