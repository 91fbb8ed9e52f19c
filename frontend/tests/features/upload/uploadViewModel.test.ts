import { describe, expect, it } from 'vitest';
import { uploadViewModel } from '../../../src/features/upload/uploadViewModel';
import type { Transfer } from '../../../src/features/upload/transfer';
import type { Row } from '../../../src/state/state';
import { anUpload } from '../../fakes/documents';

const aTransfer = (change: Partial<Transfer> = {}): Transfer => ({
  phase: 'uploading',
  completedParts: new Set(),
  partProgress: {},
  sentBytes: 0,
  isWaitingForTurn: false,
  viaService: false,
  ...change,
});
const aRow = (change: Partial<Row> = {}): Row => ({
  key: 'k',
  name: 'a',
  size: 95,
  stage: 'uploading',
  settings: { format: 'mp3' },
  upload: anUpload(),
  ...change,
});

describe('the upload progress bar', () => {
  it('fills a part in flight partly, and completes it when the service has confirmed it', () => {
    const transfer = aTransfer({
      completedParts: new Set([1, 2]),
      partProgress: { 3: 1, 4: 0.5 },
      sentBytes: 35,
    });
    const view = uploadViewModel(aRow({ transfer }))!;
    expect(view.segments.slice(0, 5)).toEqual([
      { fraction: 1, isComplete: true },
      { fraction: 1, isComplete: true },
      { fraction: 1, isComplete: false },
      { fraction: 0.5, isComplete: false },
      { fraction: 0, isComplete: false },
    ]);
    expect([view.completedParts, view.partCount]).toEqual([2, 10]);
  });

  it('puts many parts into few segments without losing one', () => {
    const upload = anUpload({
      part_count: 1000,
      size: 10_000,
      completed_parts: Array.from({ length: 500 }, (_, i) => i + 1),
      uploaded_bytes: 5000,
    });
    const view = uploadViewModel(aRow({ stage: 'interrupted', upload }))!;
    expect(view.segments.length).toBeLessThan(60);
    const sum = view.segments.reduce((total, { fraction }) => total + fraction, 0);
    expect(sum / view.segments.length).toBeCloseTo(0.5, 1);
    expect(view.completedParts).toBe(500);
  });

  it('waits for the network as soon as its loss is known', () => {
    const statusOf = (change: Partial<Transfer>, isOffline: boolean) =>
      uploadViewModel(aRow({ transfer: aTransfer(change) }), isOffline)?.status;
    expect(statusOf({}, false)).toBe('Uploading');
    expect(statusOf({ isStalled: true }, true)).toBe('Waiting for the network');
    expect(statusOf({ phase: 'finishing' }, true)).toBe('Waiting for the network');
    expect(statusOf({ waitingFor: 'network' }, false)).toBe('Waiting for the network');
    expect(statusOf({ phase: 'paused' }, true)).toBe('Paused');
  });

  it('goes on while bytes move to S3, although the service cannot be reached', () => {
    const view = uploadViewModel(aRow({ transfer: aTransfer({ speed: 1000 }) }), true);
    expect(view?.status).toBe('Uploading');
    expect(view?.details).toContain('1.0 KB/s');
  });

  it('waits for other uploads while only they may send', () => {
    const statusOf = (change: Partial<Transfer>) =>
      uploadViewModel(aRow({ transfer: aTransfer({ isWaitingForTurn: true, ...change }) }))?.status;
    expect(statusOf({})).toBe('Waiting for other uploads');
    // One of its own parts was lost, and another upload sends meanwhile.
    expect(statusOf({ waitingFor: 'network' })).toBe('Waiting for other uploads');
    expect(statusOf({ phase: 'paused' })).toBe('Paused');
  });

  it('is empty while the size of an upload is unknown', () => {
    const upload = anUpload({ size: 0, part_count: 0 });
    expect(uploadViewModel(aRow({ stage: 'interrupted', upload }))).toMatchObject({
      percent: 0,
      completedParts: 0,
      segments: [],
    });
  });

  it('counts the parts of an upload in another tab by its bytes', () => {
    const row = aRow({ stage: 'other-tab', upload: anUpload({ uploaded_bytes: 40 }) });
    expect(uploadViewModel(row)).toMatchObject({
      completedParts: 4,
      status: 'Upload in another tab',
    });
  });
});
