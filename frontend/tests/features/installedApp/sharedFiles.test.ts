// @vitest-environment jsdom
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
// The page loads it when there are shared files. Here it is loaded before the tests.
import '../../../src/features/installedApp/sharedFiles';
import { keepShared, SHARE_PATH } from '../../../src/serviceWorker/sharedFiles';
import { SHARED_CACHE } from '../../../src/serviceWorker/sharedCache';
import { aFile, FakeApp } from '../../fakes/app';
import { fakeCaches } from '../../fakes/caches';

let caches: ReturnType<typeof fakeCaches>;
let app: FakeApp;

beforeEach(() => {
  caches = fakeCaches();
  app = new FakeApp();
});
afterEach(() => void vi.unstubAllGlobals());

const names = () => app.rows.map(({ name }) => name);
const copies = () => [...(caches.get(SHARED_CACHE)?.keys() ?? [])].map((url) => url.slice(-5));

describe('shared files', () => {
  it('are added at every start, and their copies are deleted once they are stored', async () => {
    await keepShared([aFile('a.wav'), aFile('b.wav')]);
    expect(location.search).toBe('');
    await app.controller.start();
    await vi.waitFor(() => expect(names()).toEqual(['a.wav', 'b.wav']));
    await vi.waitFor(() => expect(copies()).toEqual([]));
    expect(app.storage.files.size).toBe(2);
  });

  it('stay if they came while others were taken over', async () => {
    await keepShared([aFile('a.wav')]);
    let store = () => {};
    const isStored = new Promise<void>((resolve) => (store = resolve));
    const saveFile = app.storage.saveFile.bind(app.storage);
    vi.spyOn(app.storage, 'saveFile').mockImplementation(async (...args) => {
      await isStored;
      return saveFile(...args);
    });
    await app.controller.start();
    await vi.waitFor(() => expect(names()).toEqual(['a.wav']));
    await keepShared([aFile('b.wav')]);
    store();
    await vi.waitFor(() => expect(copies()).toEqual(['b.wav']));
  });

  it('stay if they cannot be read', async () => {
    await keepShared([aFile('a.wav'), aFile('b.wav')]);
    const unreadable = { blob: () => Promise.reject(new Error('disk')) } as unknown as Response;
    const [first] = caches.get(SHARED_CACHE)!.keys();
    expect(first).toContain(SHARE_PATH);
    caches.get(SHARED_CACHE)!.set(first!, unreadable);
    await app.controller.start();
    await vi.waitFor(() => expect(copies()).toEqual(['a.wav']));
    expect(names()).toEqual(['b.wav']);
  });

  it('are deleted with everything else', async () => {
    await app.controller.start();
    await keepShared([aFile('a.wav')]);
    await app.controller.deleteEverything();
    expect(copies()).toEqual([]);
  });
});
