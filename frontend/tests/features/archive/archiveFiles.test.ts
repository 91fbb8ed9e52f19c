// @vitest-environment jsdom
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { ArchiveDownload } from '../../../src/features/archive/archiveDownload';
import { deleteArchives, saveArchive } from '../../../src/features/archive/archiveFiles';
import { isArchiveKept } from '../../../src/storage/preferences';
import { FakeApp } from '../../fakes/app';
import { settle } from '../../fakes/uploader';

/** The time of the last change of each file. */
let files: Map<string, number>;
let locked: string[];

const handleOf = (name: string) => ({
  name,
  getFile: async () => ({ lastModified: files.get(name) }),
  createWritable: async () => new WritableStream(),
});
const folder = {
  async *[Symbol.asyncIterator]() {
    for (const name of [...files.keys()]) yield [name, handleOf(name)];
  },
  removeEntry: async (name: string) => {
    if (locked.includes(name)) throw new DOMException('locked', 'NoModificationAllowedError');
    files.delete(name);
  },
  getFileHandle: async (name: string) => {
    files.set(name, Date.now());
    return handleOf(name);
  },
};

beforeEach(() => {
  files = new Map();
  locked = [];
  localStorage.clear();
  vi.stubGlobal('navigator', { ...navigator, storage: { getDirectory: async () => folder } });
});
afterEach(() => void vi.unstubAllGlobals());

const emptyStream = () => new Response('').body as ReadableStream<Uint8Array<ArrayBuffer>>;
const noSignal = new AbortController().signal;

describe('the archives in the browser', () => {
  it('are all deleted but the one that another tab is writing', async () => {
    files = new Map(['archive-1', 'archive-2', 'archive-3', 'other'].map((name) => [name, 0]));
    locked = ['archive-1'];
    await deleteArchives();
    expect([...files.keys()]).toEqual(['archive-1', 'other']);
  });

  it('are remembered until the last one is deleted', async () => {
    await saveArchive(new Response('zip').body!, noSignal);
    expect(files.size).toBe(1);
    await deleteArchives(1_000);
    expect(isArchiveKept()).toBe(true);
    await deleteArchives();
    expect(files.size).toBe(0);
    expect(isArchiveKept()).toBe(false);
  });

  it('are deleted by the next start if they are old', async () => {
    const app = new FakeApp();
    await saveArchive(emptyStream(), noSignal);
    files.set('archive-old', 0);
    await app.controller.start();
    await vi.waitFor(() => expect(files.has('archive-old')).toBe(false));
    expect(files.size).toBe(1);
  });

  it('are deleted with the last file, unless the browser may still copy them', async () => {
    const app = new FakeApp();
    await app.controller.start();
    app.controller.addFiles([new File(['x'], 'a.wav'), new File(['y'], 'b.wav')]);
    await saveArchive(emptyStream(), noSignal);
    files.set('archive-copied', Date.now() - 6 * 60_000);
    await app.controller.removeAll();
    await vi.waitFor(() => expect(files.has('archive-copied')).toBe(false));
    expect(files.size).toBe(1);
  });

  it('are looked for once after many files were removed', async () => {
    const app = new FakeApp();
    await app.controller.start();
    await saveArchive(emptyStream(), noSignal);
    app.controller.addFiles([new File(['x'], 'a.wav'), new File(['y'], 'b.wav')]);
    const looks = vi.spyOn(navigator.storage, 'getDirectory');
    await app.controller.removeAll();
    await vi.waitFor(() => expect(looks).toHaveBeenCalled());
    await settle();
    expect(looks).toHaveBeenCalledOnce();
  });

  it('are deleted by one timer, which each call restarts', async () => {
    const { api, environment, controller } = new FakeApp();
    const archive = new ArchiveDownload({ api, environment, store: controller.store });
    await saveArchive(emptyStream(), noSignal);
    vi.useFakeTimers({ now: Date.now() });
    for (let i = 0; i < 3; i++) await archive.deleteOld();
    expect(vi.getTimerCount()).toBe(1);
    await vi.runOnlyPendingTimersAsync();
    expect(files.size).toBe(0);
    vi.useRealTimers();
  });

  it('are deleted only after the running one has ended', async () => {
    const { api, environment, controller } = new FakeApp();
    const archive = new ArchiveDownload({ api, environment, store: controller.store });
    const running = archive.start();
    let hasEnded = false;
    void running.then(() => (hasEnded = true));
    await archive.deleteAll();
    expect(hasEnded).toBe(true);
    expect(files.size).toBe(0);
  });
});
