// @vitest-environment jsdom
import { beforeEach, describe, expect, it } from 'vitest';
import type { Row } from '../../src/state/state';
import { Store } from '../../src/state/store';
import { saveOrderOnChange } from '../../src/storage/order';
import { loadPaths } from '../../src/storage/preferences';
import { anUpload } from '../fakes/documents';

const rowIn = (id: string): Row => ({
  key: id,
  name: 'song.wav',
  path: `${id}/song.wav`,
  size: 95,
  stage: 'uploaded',
  settings: { format: 'mp3' },
  upload: anUpload({ id }),
});

function aTab() {
  const store = new Store();
  saveOrderOnChange(store);
  return store;
}

beforeEach(() => localStorage.clear());

describe('the folders of files', () => {
  it('are kept when two tabs save theirs, until the file is removed', () => {
    const [first, second] = [aTab(), aTab()];
    first.dispatch({ type: 'rows-added', rows: [rowIn('a')] });
    second.dispatch({ type: 'rows-added', rows: [rowIn('b')] });
    expect(loadPaths()).toEqual({ a: 'a/song.wav', b: 'b/song.wav' });
    second.dispatch({ type: 'row-removed', key: 'b' });
    expect(loadPaths()).toEqual({ a: 'a/song.wav' });
  });

  it('are forgotten if the file is no longer there at the next start', () => {
    aTab().dispatch({ type: 'rows-added', rows: [rowIn('a')] });
    aTab();
    expect(loadPaths()).toEqual({});
  });
});
