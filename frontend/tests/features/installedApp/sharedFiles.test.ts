// @vitest-environment jsdom
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
// The page loads it when there are shared files. Here it is loaded before the tests.
import '../../../src/features/installedApp/sharedFiles';
import {
  keepShared,
  MAX_SHARED_FILES,
  MAX_SHARED_GIB,
  SHARE_PATH,
} from '../../../src/serviceWorker/sharedFiles';
import { SHARED_CACHE } from '../../../src/serviceWorker/sharedCache';
import { aFile, FakeApp } from '../../fakes/app';
import { fakeCaches } from '../../fakes/caches';

let caches: ReturnType<typeof fakeCaches>;
let app: FakeApp;
/** The answer to the question if shared files are wanted. */
const confirm = vi.fn<(question: string) => boolean>();

beforeEach(() => {
  caches = fakeCaches();
  app = new FakeApp();
  confirm.mockReset().mockReturnValue(true);
  vi.stubGlobal('confirm', confirm);
});
afterEach(() => {
  vi.unstubAllGlobals();
  history.replaceState(null, '', '/');
});

const names = () => app.rows.map(({ name }) => name);
const keys = () => [...(caches.get(SHARED_CACHE)?.keys() ?? [])];
const copies = () => keys().flatMap((url) => (url.includes('name=') ? url.slice(-5) : []));
const filesNamed = (count: number) => Array.from({ length: count }, (_, i) => aFile(`${i}.wav`));
const fileOfSize = (size: number, name = 'g.wav'): File =>
  Object.defineProperty(aFile(name), 'size', { value: size });

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

  it('are neither read nor added before the user agrees, and deleted if not', async () => {
    confirm.mockReturnValue(false);
    await keepShared(filesNamed(5));
    const blob = vi.fn<() => Promise<Blob>>();
    for (const url of caches.get(SHARED_CACHE)!.keys()) {
      caches.get(SHARED_CACHE)!.set(url, { blob } as unknown as Response);
    }
    await app.controller.start();
    await vi.waitFor(() => expect(copies()).toEqual([]));
    expect(confirm.mock.calls[0]![0]).toContain('5 files were shared');
    expect(confirm.mock.calls[0]![0]).toContain('0.wav, 1.wav, 2.wav, …');
    expect(blob).not.toHaveBeenCalled();
    expect(names()).toEqual([]);
  });

  it('are named in one short line each, whatever the sender calls them', async () => {
    await keepShared([aFile(`a\n\u202eb${'c'.repeat(100)}.wav`)]);
    await app.controller.start();
    await vi.waitFor(() => expect(confirm).toHaveBeenCalled());
    expect(confirm.mock.calls[0]![0]).toContain(`: a b${'c'.repeat(57)}…\n\n`);
  });

  it('wait for a tab that is visible, because browsers decline for hidden ones', async () => {
    const visibility = vi.spyOn(document, 'visibilityState', 'get').mockReturnValue('hidden');
    await keepShared([aFile('a.wav')]);
    await app.controller.start();
    await vi.waitFor(() => expect(visibility).toHaveBeenCalled());
    expect(confirm).not.toHaveBeenCalled();
    visibility.mockReturnValue('visible');
    document.dispatchEvent(new Event('visibilitychange'));
    await vi.waitFor(() => expect(names()).toEqual(['a.wav']));
  });

  it('are kept up to a number, in one share or several', async () => {
    expect(await keepShared(filesNamed(MAX_SHARED_FILES - 1))).toBe(0);
    expect(await keepShared(filesNamed(3))).toBe(2);
    expect(copies()).toHaveLength(MAX_SHARED_FILES);
  });

  it('are kept up to a size, in one share or several', async () => {
    const most = MAX_SHARED_GIB * 1024 ** 3;
    expect(await keepShared([fileOfSize(most + 1), fileOfSize(most - 100)])).toBe(1);
    expect(await keepShared([aFile('a.wav', 101), aFile('b.wav', 100)])).toBe(1);
    expect(copies()).toEqual(['g.wav', 'b.wav']);
  });

  it.each(['.', '..'])('count and keep their name if it is %s', async (name) => {
    expect(await keepShared([fileOfSize(MAX_SHARED_GIB * 1024 ** 3, name)])).toBe(0);
    expect(await keepShared([aFile('a.wav', 1)])).toBe(1);
    await app.controller.start();
    await vi.waitFor(() => expect(names()).toEqual([name]));
  });

  it('are left out if the browser has no room, and the question says so', async () => {
    const { open } = globalThis.caches;
    const full = () => Promise.reject(new DOMException('full', 'QuotaExceededError'));
    vi.stubGlobal('caches', {
      ...globalThis.caches,
      open: async (name: string) => {
        const cache = await open(name);
        const put = (url: string, response: Response) =>
          url.includes('name=') ? full() : cache.put(url, response);
        return { ...cache, put };
      },
    });
    expect(await keepShared([aFile('a.wav')])).toBe(1);
    vi.stubGlobal('caches', { ...globalThis.caches, open });
    await keepShared([aFile('b.wav')]);
    history.replaceState(null, '', '/?shared');
    await app.controller.start();
    await vi.waitFor(() => expect(confirm.mock.calls[0]?.[0]).toContain('Left out: 1.'));
    await vi.waitFor(() => expect(location.search).toBe(''));
  });

  it('are mentioned if all were left out', async () => {
    const alert = vi.fn<(message: string) => void>();
    vi.stubGlobal('alert', alert);
    await keepShared([fileOfSize(MAX_SHARED_GIB * 1024 ** 3 + 1)]);
    await app.controller.start();
    await vi.waitFor(() => expect(alert.mock.calls[0]?.[0]).toContain('Left out: 1.'));
    await vi.waitFor(() => expect(keys()).toEqual([]));
    expect(confirm).not.toHaveBeenCalled();
  });

  it('are not mentioned because a link says that some were left out', async () => {
    const alert = vi.fn<(message: string) => void>();
    vi.stubGlobal('alert', alert);
    await keepShared([aFile('a.wav')]);
    for (const reason of ['one waits', 'none waits']) {
      history.replaceState(null, '', '/?shared=9');
      await app.controller.start();
      await vi.waitFor(() => expect(location.search, reason).toBe(''));
    }
    expect(confirm.mock.calls.flat().join()).not.toContain('Left out');
    expect(alert).not.toHaveBeenCalled();
  });

  it('are deleted with everything else', async () => {
    await app.controller.start();
    await keepShared([aFile('a.wav')]);
    await app.controller.deleteEverything();
    expect(copies()).toEqual([]);
  });
});
