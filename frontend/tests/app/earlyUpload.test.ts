// @vitest-environment jsdom
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { aFile, FakeApp } from '../fakes/app';
import { aConversion, anUpload } from '../fakes/documents';
import { settle } from '../fakes/uploader';

let app: FakeApp;

beforeEach(async () => {
  app = new FakeApp({ isUploadedEarly: true });
  app.api.createConversion.mockImplementation(async (uploadId: string) =>
    aConversion({ upload_id: uploadId }),
  );
  await app.controller.start();
});

const uploadDraft = async () => {
  app.controller.addFiles([aFile()]);
  await vi.waitFor(() => expect(app.rows[0]?.upload?.status).toBe('uploaded'));
};

describe('a file that is uploaded early', () => {
  it('stays a draft, and its bytes are not kept twice', async () => {
    await uploadDraft();
    expect(app.rows[0]?.stage).toBe('draft');
    await vi.waitFor(() => expect(app.storage.files.size).toBe(0));
    expect(app.storage.records.size).toBe(1);
  });

  it('stays in its tab for listening until it is removed', async () => {
    const { sourceFiles } = app.controller;
    await uploadDraft();
    const { key } = app.rows[0]!;
    await vi.waitFor(() => expect(app.storage.files.size).toBe(0));
    expect(sourceFiles.get(key)?.name).toBe('song.wav');
    app.controller.uploadManager.start(key);
    await vi.waitFor(() => expect(app.rows[0]?.stage).toBe('uploaded'));
    expect(sourceFiles.has(key)).toBe(true);
    await app.controller.remove(app.rows[0]!);
    expect(sourceFiles.size).toBe(0);
  });

  it('is converted without another upload', async () => {
    await uploadDraft();
    app.controller.uploadManager.start(app.rows[0]!.key);
    await vi.waitFor(() => expect(app.rows[0]?.stage).toBe('uploaded'));
    expect(app.api.createConversion).toHaveBeenCalledTimes(1);
    expect(app.uploadApi.countOf('createUpload')).toBe(1);
    await vi.waitFor(() => expect(app.storage.records.size).toBe(0));
  });

  it('is converted by itself if it was started before its upload was created', async () => {
    app.controller.addFiles([aFile()]);
    app.controller.uploadManager.startAll();
    await vi.waitFor(() => expect(app.rows[0]?.stage).toBe('uploaded'));
    expect(app.api.createConversion).toHaveBeenCalledTimes(1);
  });

  it('is deleted on the service when it is removed', async () => {
    await uploadDraft();
    await app.controller.remove(app.rows[0]!);
    expect(app.api.deleteUpload).toHaveBeenCalledWith('upl_1');
    expect(app.rows).toEqual([]);
    expect(app.storage.records.size).toBe(0);
  });

  it('is a draft with its settings after a reload', async () => {
    app = new FakeApp({ isUploadedEarly: true });
    app.listedUploads = [anUpload({ status: 'uploaded' })];
    const record = { key: 'k1', name: 'song.wav', size: 95, storedAt: Date.now() };
    await app.storage.save({ ...record, uploadId: 'upl_1', settings: { format: 'flac' } });
    await app.controller.start();
    expect(app.rows).toMatchObject([{ stage: 'draft', settings: { format: 'flac' } }]);
  });

  it('waits until it is started if the user wants that', async () => {
    app.controller.changeEarlyUpload(false);
    app.controller.addFiles([aFile()]);
    await settle();
    expect(app.uploadApi.calls).toEqual([]);
    app.controller.changeEarlyUpload(true);
    await vi.waitFor(() => expect(app.rows[0]?.upload?.status).toBe('uploaded'));
  });
});
