import { sharedFilesTexts } from '../../i18n/sharedFiles';
import {
  listShared,
  MAX_SHARED_FILES,
  MAX_SHARED_GIB,
  takeLeftOut,
  type SharedFile,
} from '../../serviceWorker/sharedFiles';
import type { Store } from '../../state/store';
import { acquireWebLock } from '../../storage/locks';

const MAX_NAMES = 3;
const MAX_NAME_LENGTH = 60;

/**
 * Ask if the files that someone shared with the installed page are wanted, and add them.
 *
 * A page of another site can send files as well, so nothing is read or uploaded before the answer.
 * The service worker's copies are deleted when the user declines, or when this browser has stored
 * the files of the list, so that a reload loses none. Until then other tabs wait, so that no file
 * is added twice.
 */
export async function addSharedFiles(
  store: Store,
  addFiles: (files: File[]) => void,
): Promise<void> {
  await whenVisible();
  const unlock = await acquireWebLock('shared', true);
  try {
    const shared = await listShared();
    let finished = shared;
    if (ask(shared, await takeLeftOut())) {
      finished = await add(shared, addFiles);
      await whenFilesAreStored(store);
    }
    await Promise.all(finished.map(({ deleteCopy }) => deleteCopy()));
    if (location.search.startsWith('?shared')) history.replaceState(null, '', location.pathname);
  } finally {
    unlock?.();
  }
}

/** Return true if the user wants the files. Say how many were left out, also if none is there. */
function ask(shared: SharedFile[], leftOut: number): boolean {
  const t = sharedFilesTexts();
  const note = leftOut > 0 ? t.leftOut(leftOut, MAX_SHARED_FILES, MAX_SHARED_GIB) : '';
  if (shared.length === 0) {
    if (note) window.alert(note);
    return false;
  }
  const names = shared.slice(0, MAX_NAMES).map(({ name }) => shownName(name));
  if (shared.length > MAX_NAMES) names.push('…');
  const question = t.question(names.join(', '), shared.length);
  return window.confirm(note ? `${question}\n\n${note}` : question);
}

/** Return a name in one line. The sender chose it, and could write other sentences into it. */
function shownName(name: string): string {
  const letters = [...name.replace(/[\s\p{C}]+/gu, ' ')];
  return letters.length > MAX_NAME_LENGTH
    ? `${letters.slice(0, MAX_NAME_LENGTH).join('')}…`
    : letters.join('');
}

/** Add files, and return those that could be read. The others stay for the next time. */
async function add(shared: SharedFile[], addFiles: (files: File[]) => void): Promise<SharedFile[]> {
  const results = await Promise.allSettled(shared.map(({ load }) => load()));
  addFiles(results.flatMap((each) => (each.status === 'fulfilled' ? each.value : [])));
  return shared.filter((_, i) => results[i]!.status === 'fulfilled');
}

/** Resolve when this tab is visible: browsers decline the questions of hidden pages. */
function whenVisible(): Promise<void> {
  return new Promise((resolve) => {
    const check = () => {
      if (document.visibilityState !== 'visible') return;
      document.removeEventListener('visibilitychange', check);
      resolve();
    };
    document.addEventListener('visibilitychange', check);
    check();
  });
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
