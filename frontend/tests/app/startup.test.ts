// @vitest-environment jsdom
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { ApiError } from '../../src/api/errors';
import { fingerprint } from '../../src/features/upload/fingerprint';
import type { StoredUpload } from '../../src/storage/uploadStorage';
import { aFile, FakeApp } from '../fakes/app';
import { anUpload, FORMATS } from '../fakes/documents';
import { FakeEventStream } from '../fakes/eventStream';
import { settle } from '../fakes/uploader';

let app: FakeApp;

beforeEach(() => {
  app = new FakeApp();
});

describe('startup', () => {
  it('sends the first request alone, because its response brings the session cookie', async () => {
    await app.controller.start();
    expect(app.requestLog).toEqual(['formats', 'formats answered', 'uploads', 'conversions']);
    expect(FakeEventStream.opened).toHaveLength(1);
  });

  it('shows that the service is unreachable, and keeps trying', async () => {
    let errors = 12;
    app.api.listFormats.mockImplementation(async () => {
      if (errors-- > 0) throw new ApiError(503, 'storage_unavailable', 'unavailable');
      return FORMATS;
    });
    const startups: string[] = [];
    app.controller.store.subscribe(() => startups.push(app.state.startup));
    await app.controller.start();
    expect(startups).toContain('unreachable');
    expect(app.state.startup).toBe('ready');
  });
});

describe('a reload', () => {
  const record: StoredUpload = {
    key: 'k1',
    uploadId: 'upl_1',
    name: 'song.wav',
    size: 95,
    settings: { format: 'mp3', bitrate: '192k' },
    request: 'convert',
    storedAt: 0,
  };

  it('resumes an upload with the stored file, and sends only the missing parts', async () => {
    const upload = anUpload({ completed_parts: [1, 2, 3, 4], conversions: ['cnv_1'], version: 5 });
    app.uploadApi.upload = upload;
    app.listedUploads = [upload];
    await app.storage.save(record);
    await app.storage.saveFile('k1', aFile());
    await app.controller.start();
    await vi.waitFor(() => expect(app.rows[0]?.stage).toBe('uploaded'));
    expect(app.uploadApi.partsOf('putPartToStorage')).toEqual([5, 6, 7, 8, 9, 10]);
    await vi.waitFor(() => expect(app.storage.files.size).toBe(0));
  });

  it('asks for the file if it is not stored', async () => {
    app.listedUploads = [anUpload({ completed_parts: [1, 2] })];
    await app.controller.start();
    await settle();
    expect(app.rows[0]?.stage).toBe('interrupted');
    expect(app.uploadApi.calls).toEqual([['getUpload', undefined]]);
  });

  it('leaves an upload to the tab that sends it', async () => {
    app.listedUploads = [anUpload()];
    await app.storage.save(record);
    await app.storage.saveFile('k1', aFile());
    app.lockedKeys.add('k1');
    await app.controller.start();
    await settle();
    expect(app.rows[0]?.stage).toBe('other-tab');
    expect(app.uploadApi.calls).toEqual([['getUpload', undefined]]);
  });

  it('restores drafts', async () => {
    await app.storage.save({ ...record, uploadId: undefined, storedAt: Date.now() });
    await app.storage.saveFile('k1', aFile());
    await app.controller.start();
    expect(app.rows).toMatchObject([{ stage: 'draft', name: 'song.wav' }]);
  });

  it('keeps the order of the list', async () => {
    app.listedUploads = ['upl_new', 'upl_b', 'upl_a'].map((id) =>
      anUpload({ id, status: 'uploaded' }),
    );
    localStorage.setItem('tinypixo:order', 'upl_a upl_b');
    await app.controller.start();
    expect(app.rows.map(({ upload }) => upload?.id)).toEqual(['upl_new', 'upl_a', 'upl_b']);
  });

  it('removes records of uploads that the service does not know', async () => {
    await app.storage.save(record);
    await app.controller.start();
    expect(app.rows).toEqual([]);
    expect(app.storage.records.size).toBe(0);
  });

  describe('with the file chosen again', () => {
    beforeEach(async () => {
      const upload = anUpload({ completed_parts: [1, 2], conversions: ['cnv_1'], version: 3 });
      app.uploadApi.upload = upload;
      app.listedUploads = [upload];
      await app.storage.save({ ...record, fingerprint: await fingerprint(aFile()) });
      await app.controller.start();
    });

    it('offers to start over if the file was changed since, wherever in it', async () => {
      const [stored] = await app.storage.list();
      await app.storage.save({ ...stored!, lastModified: 1 });
      await app.controller.uploadRestorer.resumeWithFile('k1', aFile());
      await settle();
      expect(app.rows[0]).toMatchObject({ stage: 'interrupted', mismatchedFile: 'song.wav' });
    });

    it('resumes the upload if it is the same file, even after a plain drop', async () => {
      app.controller.addFiles([aFile()]);
      await vi.waitFor(() => expect(app.rows).toMatchObject([{ stage: 'uploaded' }]));
      expect(app.uploadApi.partsOf('putPartToStorage')).not.toContain(1);
    });

    it.each([
      ['name', aFile('other.wav')],
      ['size', aFile('song.wav', 94)],
      ['content', aFile('song.wav', 95, 7)],
    ])('offers to start over if the file has another %s', async (_, file) => {
      await app.controller.uploadRestorer.resumeWithFile('k1', file);
      await settle();
      expect(app.rows[0]).toMatchObject({ stage: 'interrupted', mismatchedFile: file.name });
      expect(app.uploadApi.calls).toEqual([['getUpload', undefined]]);

      await app.controller.startOver(app.rows[0]!);
      expect(app.api.deleteUpload).toHaveBeenCalledWith('upl_1');
      expect(app.rows).toMatchObject([{ stage: 'draft', name: file.name }]);
    });
  });
});
