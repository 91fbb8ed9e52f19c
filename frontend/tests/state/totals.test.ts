import { describe, expect, it } from 'vitest';
import type { Conversion } from '../../src/api/types';
import type { Row } from '../../src/state/state';
import { pageTitle, totalsOf } from '../../src/state/totals';
import { aConversion, anUpload } from '../fakes/documents';

const aRow = (id: string, stage: Row['stage']): Row => ({
  key: id,
  name: id,
  size: 95,
  stage,
  settings: { format: 'mp3' },
  upload: anUpload({ id }),
});
const state = (rows: Row[], ...conversions: Conversion[]) => ({
  rows,
  conversions: Object.fromEntries(conversions.map((each) => [each.id, each])),
});

describe('the total progress', () => {
  it('is that of all started files, and the title of the tab', () => {
    const totals = totalsOf(
      state(
        [aRow('a', 'uploaded'), aRow('b', 'uploaded'), aRow('c', 'queued'), aRow('d', 'draft')],
        aConversion({ id: '1', upload_id: 'a', status: 'completed' }),
        aConversion({ id: '2', upload_id: 'b', percent: 40 }),
      ),
    );
    expect(totals).toEqual({ started: 3, done: 1, failed: 0, percent: 56 });
    expect(pageTitle(totals)).toBe('56% · 1 of 3 done · TinyPixo');
  });

  it('counts nothing as done that was cancelled', () => {
    const rows = [aRow('a', 'uploaded'), aRow('b', 'uploaded')];
    const totals = totalsOf(
      state(
        rows,
        aConversion({ id: '1', upload_id: 'a', status: 'completed' }),
        aConversion({ id: '2', upload_id: 'a', status: 'cancelled' }),
        aConversion({ id: '3', upload_id: 'b', status: 'cancelled' }),
      ),
    );
    expect(pageTitle(totals)).toBe('1 done · TinyPixo');
    expect(totals).toEqual({ started: 1, done: 1, failed: 0, percent: 100 });
  });

  it('says at the end what failed', () => {
    const rows = [aRow('a', 'uploaded'), aRow('b', 'failed')];
    const done = aConversion({ id: '1', upload_id: 'a', status: 'completed' });
    expect(pageTitle(totalsOf(state(rows, done)))).toBe('1 failed, 1 done · TinyPixo');
  });
});
