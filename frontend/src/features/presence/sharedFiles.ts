import { deleteShared, loadShared } from '../../serviceWorker/sharedFiles';
import type { Store } from '../../state/store';

/**
 * Add the files that someone shared with the installed page.
 *
 * The service worker's copies are deleted when this browser has stored the files of the list, so
 * that a reload loses none.
 */
export async function addSharedFiles(
  store: Store,
  addFiles: (files: File[]) => void,
): Promise<void> {
  addFiles(await loadShared().catch(() => []));
  await isStored(store);
  await deleteShared();
  history.replaceState(null, '', location.pathname);
}

/** Resolve when no file is being copied. */
function isStored(store: Store): Promise<void> {
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
