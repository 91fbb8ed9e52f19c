import { loadShared } from '../../serviceWorker/sharedFiles';
import type { Store } from '../../state/store';
import { acquireWebLock } from '../../storage/locks';

/**
 * Add the files that someone shared with the installed page.
 *
 * The service worker's copies are deleted when this browser has stored the files of the list, so
 * that a reload loses none. Until then other tabs wait, so that no file is added twice.
 */
export async function addSharedFiles(
  store: Store,
  addFiles: (files: File[]) => void,
): Promise<void> {
  const unlock = await acquireWebLock('shared', true);
  try {
    const shared = await loadShared();
    if (shared.length) addFiles(shared.map(({ file }) => file));
    await whenFilesAreStored(store);
    await Promise.all(shared.map(({ deleteCopy }) => deleteCopy()));
    if (location.search === '?shared') history.replaceState(null, '', location.pathname);
  } finally {
    unlock?.();
  }
}

/** Resolve when no file is being copied. */
function whenFilesAreStored(store: Store): Promise<void> {
  return new Promise((resolve) => {
    const check = () => {
      if (store.getState().rows.some(({ unsaved }) => unsaved === 'copying')) return;
      unsubscribe();
      resolve();
    };
    const unsubscribe = store.subscribe(check);
    check();
  });
}
