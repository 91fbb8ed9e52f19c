import { describe, expect, it, vi } from 'vitest';
import { NetworkError } from '../../../src/api/errors';
import { anUpload, FILE_SIZE, PART_SIZE } from '../../fakes/documents';
import { createUploader } from '../../fakes/uploader';

const ALL_PARTS = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10];

describe('an upload', () => {
  it('is created, sent part by part, reported and completed', async () => {
    const { api, uploader, lastTransfer } = createUploader();
    await uploader.run();
    expect(api.countOf('createUpload')).toBe(1);
    expect(api.partsOf('putPartToStorage')).toEqual(ALL_PARTS);
    expect(api.reportedParts.toSorted((a, b) => a - b)).toEqual(ALL_PARTS);
    expect(api.countOf('completeUpload')).toBe(1);
    expect(lastTransfer()).toMatchObject({ phase: 'done', sentBytes: FILE_SIZE });
  });

  it('is split by the part size of the service, with a shorter last part', async () => {
    const { api, uploader } = createUploader();
    await uploader.run();
    expect(api.storedParts.get(9)).toBe(10);
    expect(api.storedParts.get(10)).toBe(5);
  });

  it('has at most four parts in flight', async () => {
    const { api, uploader } = createUploader();
    await uploader.run();
    expect(api.maxParallelPuts).toBe(4);
  });

  it('reports eight parts at a time, and the rest at the end', async () => {
    const { api, environment, uploader } = createUploader();
    environment.now = () => 0;
    await uploader.run();
    expect(api.countOf('reportParts')).toBe(2);
  });

  it('reports a part at once if the last report was long ago', async () => {
    const { api, environment, uploader } = createUploader();
    let time = 0;
    environment.now = () => (time += 6_000);
    await uploader.run();
    expect(api.countOf('reportParts')).toBe(10);
  });

  it('signs parts in batches', async () => {
    const { api, uploader } = createUploader();
    await uploader.run();
    expect(api.countOf('signParts')).toBe(1);
  });
});

describe('a resumed upload', () => {
  it('asks the service and sends only the missing parts', async () => {
    const { api, uploader } = createUploader({ upload: anUpload({ completed_parts: [1, 2] }) });
    api.upload = anUpload({ completed_parts: [1, 2, 3, 5, 8], version: 9 });
    await uploader.run();
    expect(api.countOf('createUpload')).toBe(0);
    expect(api.partsOf('putPartToStorage')).toEqual([4, 6, 7, 9, 10]);
  });

  it('sends nothing if it is complete', async () => {
    const { api, uploader, lastTransfer } = createUploader({ upload: anUpload() });
    api.upload = anUpload({ status: 'uploaded', version: 20 });
    await uploader.run();
    expect(api.countOf('putPartToStorage')).toBe(0);
    expect(lastTransfer()?.phase).toBe('done');
  });

  it('fails if the service has aborted it', async () => {
    const { api, uploader, lastTransfer } = createUploader({ upload: anUpload() });
    api.upload = anUpload({ status: 'aborted', version: 20 });
    await uploader.run();
    expect(lastTransfer()).toMatchObject({ phase: 'failed', error: { code: 'upload_closed' } });
  });
});

describe('pause and cancel', () => {
  it('stop the upload, and resuming sends only the missing parts', async () => {
    const { api, uploader, lastTransfer } = createUploader();
    let openBarrier: () => void = () => undefined;
    api.beforeAnswer = (call) => {
      // The first four parts arrive. The next four stay in flight.
      if (call === 'putPartToStorage' && api.storedParts.size === 3) {
        api.putBarrier = new Promise((resolve) => (openBarrier = resolve));
      }
    };
    const firstRun = uploader.run();
    await vi.waitFor(() => expect(api.putBarrier).toBeDefined());
    uploader.pause();
    await firstRun;
    const arrived = [...api.storedParts.keys()];
    // The service finds them in S3, although they were not reported.
    api.upload = anUpload({ completed_parts: arrived });
    expect(arrived.length).toBeGreaterThan(0);
    expect(arrived.length).toBeLessThan(10);
    expect(lastTransfer()).toMatchObject({
      phase: 'paused',
      sentBytes: arrived.length * PART_SIZE,
    });

    openBarrier();
    api.putBarrier = undefined;
    api.calls = [];
    await uploader.run();
    expect(api.partsOf('putPartToStorage').filter((n) => arrived.includes(n))).toEqual([]);
    expect(api.countOf('createUpload')).toBe(0);
    expect(lastTransfer()?.phase).toBe('done');
  });

  it('report an upload that was created after it was cancelled', async () => {
    const { api, uploader, createdAfterCancel } = createUploader();
    api.beforeAnswer = (call) => {
      if (call === 'createUpload') uploader.cancel();
    };
    await uploader.run();
    expect(createdAfterCancel).toEqual(['upl_1']);
    expect(api.countOf('putPartToStorage')).toBe(0);
  });
});

describe('a file that was changed during the upload', () => {
  it('makes the upload fail with a reason', async () => {
    const notReadable = () => Promise.reject(new DOMException('changed', 'NotReadableError'));
    const part = { size: PART_SIZE, slice: () => ({ arrayBuffer: notReadable }) };
    const file = { slice: () => part } as unknown as Blob;
    const { api, uploader, lastTransfer } = createUploader({ file });
    api.beforeAnswer = (call) => {
      if (call === 'putPartToStorage') throw new NetworkError('no reason given');
    };
    await uploader.run();
    expect(lastTransfer()).toMatchObject({ phase: 'failed', error: { code: 'file_changed' } });
  });
});
