// @vitest-environment jsdom
import { beforeEach, describe, expect, it, vi } from 'vitest';
import type { StoredUpload } from '../../src/storage/uploadStorage';
import { aFile, FakeApp } from '../fakes/app';
import { anUpload } from '../fakes/documents';
import { settle } from '../fakes/uploader';

const record: StoredUpload = {
  key: 'k1',
  name: 'song.wav',
  size: 95,
  settings: { format: 'mp3', bitrate: '192k' },
  storedAt: Date.now(),
};

let app: FakeApp;

beforeEach(() => {
  app = new FakeApp();
});

const isLeavingRefused = () =>
  !window.dispatchEvent(new Event('beforeunload', { cancelable: true }));

describe('a reload', () => {
  it('asks for a draft whose bytes were not stored yet, instead of dropping it', async () => {
    await app.storage.save(record);
    await app.controller.start();
    expect(app.rows).toMatchObject([{ stage: 'interrupted', name: 'song.wav' }]);
    app.controller.addFiles([aFile()]);
    await settle();
    expect(app.rows).toMatchObject([{ stage: 'draft', name: 'song.wav' }]);
  });

  it('starts what was asked for and was still in the queue', async () => {
    await app.storage.save({ ...record, request: 'convert' });
    await app.storage.saveFile('k1', aFile());
    await app.controller.start();
    await vi.waitFor(() => expect(app.rows[0]?.stage).toBe('uploaded'));
  });

  it('keeps an upload paused, and sends nothing', async () => {
    app.listedUploads = [anUpload({ completed_parts: [1] })];
    await app.storage.save({ ...record, uploadId: 'upl_1', request: 'pause' });
    await app.storage.saveFile('k1', aFile());
    await app.controller.start();
    await settle();
    expect(app.rows[0]?.transfer?.phase).toBe('paused');
    expect(app.uploadApi.calls).toEqual([['getUpload', undefined]]);
  });

  it('keeps the order of drafts', async () => {
    for (const key of ['c', 'a', 'b']) await app.storage.save({ ...record, key });
    localStorage.setItem('tinypixo:order', 'b c a');
    await app.controller.start();
    expect(app.rows.map(({ key }) => key)).toEqual(['b', 'c', 'a']);
  });
});

describe('new files', () => {
  beforeEach(() => app.controller.start());

  it('hold the page open while their bytes are only in this tab', async () => {
    let finishCopy: () => void = () => undefined;
    app.storage.saveFiles = async (files) => {
      await new Promise<void>((resolve) => (finishCopy = resolve));
      return new Set(files.keys());
    };
    app.controller.addFiles([aFile()]);
    await settle();
    expect(app.storage.records.size).toBe(1);
    expect(isLeavingRefused()).toBe(true);
    finishCopy();
    await settle();
    expect(app.rows[0]?.unsaved).toBeUndefined();
    expect(isLeavingRefused()).toBe(false);
  });

  it('come in natural order, and leave out what has no sound', () => {
    const files = ['10 b.wav', 'cover.jpg', '2 a.wav', 'album.cue', 'rip.log'].map((name) =>
      aFile(name),
    );
    app.controller.addFiles(files.map(asUntyped));
    expect(app.rows.map(({ name }) => name)).toEqual(['2 a.wav', '10 b.wav']);
    expect(app.state.setAside).toEqual(['cover.jpg', 'album.cue', 'rip.log']);
  });
});

/** Return a file without a media type, as Windows hands out a .cue file. */
const asUntyped = (file: File) => Object.defineProperty(file, 'type', { value: '' });
