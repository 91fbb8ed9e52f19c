import type { Row } from '../state/state';
import type { Store } from '../state/store';
import { loadPaths, saveOrder, savePaths } from './preferences';

/** Keep the order of the list and the paths of its files for the next start. */
export function saveOrderOnChange(store: Store): void {
  let saved: Row[] | undefined;
  const save = () => {
    const { rows } = store.getState();
    if (rows === saved) return;
    saveOrder(rows.flatMap(({ key, upload }) => (upload ? [upload.id, key] : [key])));
    // Another tab may have saved paths since the start that this one does not know.
    const paths = new Map(saved && Object.entries(loadPaths()));
    for (const { upload, path } of saved ?? []) if (upload && path) paths.delete(upload.id);
    for (const { upload, path } of rows) if (upload && path) paths.set(upload.id, path);
    savePaths(Object.fromEntries(paths));
    saved = rows;
  };
  save();
  store.subscribe(save);
}
