// @vitest-environment jsdom
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { ApiError } from '../../src/api/errors';
import type { Upload } from '../../src/api/types';
import type { StoredUpload } from '../../src/storage/uploadStorage';
import { aFile, FakeApp } from '../fakes/app';
import { aConversion, anUpload } from '../fakes/documents';
import { settle } from '../fakes/uploader';

const record: StoredUpload = {
  key: 'k1',
  uploadId: 'upl_1',
  name: 'song.wav',
  size: 95,
  settings: { format: 'flac' },
  storedAt: Date.now(),
};

let app: FakeApp;

/** Open the page anew, with an upload that was begun early. */
const reload = async (
  upload: Partial<Upload>,
  {
    isUploadedEarly = false,
    ...change
  }: Partial<StoredUpload> & { isUploadedEarly?: boolean } = {},
) => {
  app = new FakeApp({ isUploadedEarly });
  app.api.createConversion.mockImplementation(async (uploadId: string) =>
    aConversion({ upload_id: uploadId }),
  );
  app.listedUploads = [anUpload(upload)];
  await app.storage.save({ ...record, ...change });
  if (upload.status !== 'uploaded') await app.storage.saveFile('k1', aFile());
  await app.controller.start();
  await settle();
};

const convert = async () => {
  app.controller.uploadManager.start('k1');
  await settle();
};

describe('a draft that was uploaded in part before a reload', () => {
  beforeEach(() => reload({ completed_parts: [1, 2] }));

  it('is uploaded to its end when it is converted', async () => {
    expect(app.rows[0]?.stage).toBe('draft');
    await convert();
    await vi.waitFor(() => expect(app.uploadApi.countOf('completeUpload')).toBe(1));
    expect(app.uploadApi.partsOf('putPartToStorage')).toEqual([3, 4, 5, 6, 7, 8, 9, 10]);
    await vi.waitFor(() => expect(app.rows[0]?.stage).toBe('uploaded'));
    expect(app.api.createConversion).toHaveBeenCalledTimes(1);
  });

  it('keeps its place among the early uploads if its conversion is refused', async () => {
    app.uploadApi.putBarrier = new Promise(() => undefined);
    const { uploadManager } = app.controller;
    app.controller.addFiles([aFile('a.wav'), aFile('b.wav')]);
    const others = app.rows.map(({ key }) => key).filter((key) => key !== 'k1');
    others.forEach((key) => uploadManager.start(key));
    await settle();
    uploadManager.runner.uploadEarly(['k1'], true);
    app.api.createConversion.mockRejectedValue(new ApiError(400, 'option_invalid', 'No.'));
    await convert();
    const problem = () => app.rows.find(({ key }) => key === 'k1')?.problem;
    expect(problem()?.code).toBe('option_invalid');
    uploadManager.setSettings('k1', { format: 'flac' });
    expect(problem()).toBeUndefined();
    app.uploadApi.putBarrier = undefined;
    await Promise.all(others.map((key) => uploadManager.runner.discard(key)));
    await vi.waitFor(() => expect(app.uploadApi.countOf('completeUpload')).toBe(1));
    expect(app.storage.records.get('k1')?.request).toBeUndefined();
  });
});

describe('a conversion that was asked for before a reload', () => {
  it.each([true, false])('is started with the rest of its upload (early: %s)', async (isEarly) => {
    const convertRequest = { request: 'convert' as const, isUploadedEarly: isEarly };
    await reload({ completed_parts: [1, 2] }, convertRequest);
    await vi.waitFor(() => expect(app.rows[0]?.stage).toBe('uploaded'));
    expect(app.api.createConversion).toHaveBeenCalledTimes(1);
    expect(app.api.createConversion.mock.calls[0]?.[1]).toEqual({ format: 'flac' });
    expect(app.uploadApi.countOf('completeUpload')).toBe(1);
  });

  it('is started if the whole file had arrived', async () => {
    await reload({ status: 'uploaded' }, { request: 'convert' });
    await vi.waitFor(() => expect(app.rows[0]?.stage).toBe('uploaded'));
    expect(app.api.createConversion).toHaveBeenCalledTimes(1);
    await vi.waitFor(() => expect(app.storage.records.size).toBe(0));
  });

  it.each(['uploading', 'uploaded'] as const)(
    'is not started twice if its file is %s',
    async (status) => {
      await reload({ status, conversions: ['cnv_1'] }, { request: 'convert' });
      await vi.waitFor(() => expect(app.storage.records.size).toBe(0));
      expect(app.api.createConversion).not.toHaveBeenCalled();
    },
  );

  it('is started once if the user asks twice', async () => {
    await reload({ status: 'uploaded' });
    app.controller.uploadManager.start('k1');
    await convert();
    expect(app.api.createConversion).toHaveBeenCalledTimes(1);
  });

  it('is remembered if the draft itself is from before a reload', async () => {
    await reload({ status: 'uploaded' });
    app.api.createConversion.mockReturnValue(new Promise(() => undefined));
    await convert();
    expect(app.storage.records.get('k1')?.request).toBe('convert');
  });
});

describe('pausing and resuming all files', () => {
  it('does not start the drafts among them', async () => {
    await reload({ completed_parts: [] }, { isUploadedEarly: false });
    app.uploadApi.putBarrier = new Promise(() => undefined);
    const { uploadManager } = app.controller;
    uploadManager.runner.uploadEarly(['k1'], true);
    await vi.waitFor(() => expect(app.rows[0]?.transfer?.phase).toBe('uploading'));
    uploadManager.runner.pauseAll();
    expect(app.rows[0]?.transfer?.phase).toBe('paused');
    expect(app.storage.records.get('k1')?.request).toBeUndefined();
    uploadManager.runner.resumeAll();
    await settle();
    expect(app.rows[0]).toMatchObject({ stage: 'draft', transfer: { phase: 'uploading' } });
    expect(app.storage.records.get('k1')?.request).toBeUndefined();
  });
});
