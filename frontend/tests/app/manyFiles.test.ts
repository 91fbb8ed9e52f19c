// @vitest-environment jsdom
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { availablePresets } from '../../src/features/conversion/presets';
import { resultFiles } from '../../src/features/archive/resultFiles';
import { aFile, FakeApp } from '../fakes/app';
import { aConversion, anOutput, anUpload, FLAC, FORMATS, MP3 } from '../fakes/documents';
import { settle } from '../fakes/uploader';

let app: FakeApp;

beforeEach(async () => {
  app = new FakeApp();
  await app.controller.start();
});

describe('many files', () => {
  it('pause and resume together, and the queue waits too', async () => {
    app.uploadApi.putBarrier = new Promise(() => undefined);
    const { uploadManager } = app.controller;
    app.controller.addFiles(['a', 'b', 'c'].map((name) => aFile(`${name}.wav`)));
    uploadManager.startAll();
    await vi.waitFor(() =>
      expect(app.rows.filter(({ transfer }) => transfer?.phase === 'uploading')).toHaveLength(2),
    );
    uploadManager.runner.pauseAll();
    await settle();
    expect(app.rows.map(({ stage, transfer }) => transfer?.phase ?? stage)).toEqual([
      'paused',
      'paused',
      'queued',
    ]);
    app.uploadApi.putBarrier = undefined;
    uploadManager.runner.resumeAll();
    await vi.waitFor(() => expect(app.rows.every((r) => r.stage === 'uploaded')).toBe(true));
  });

  it('are announced in sum', async () => {
    const texts: string[] = [];
    app.controller.store.subscribe(() => texts.push(app.state.announcement.text));
    app.controller.addFiles(Array.from({ length: 20 }, (_, n) => aFile(`${n}.wav`)));
    expect(texts.at(-1)).toBe('20 files were added.');
  });

  it('are removed together', async () => {
    app.controller.addFiles(['a', 'b', 'c'].map((name) => aFile(`${name}.wav`)));
    await app.controller.removeAll();
    expect(app.rows).toEqual([]);
    expect(app.storage.records.size).toBe(0);
  });
});

describe('the archive of all results', () => {
  it('has the folders of the sources, and no path twice', () => {
    const row = (key: string, path?: string) => ({
      key,
      name: 'song.wav',
      path,
      size: 95,
      stage: 'uploaded' as const,
      settings: { format: 'mp3' },
      upload: anUpload({ id: key }),
    });
    const rows = [row('a', 'Album/CD 1/song.wav'), row('b'), row('c')];
    const results = rows.map(({ key }) =>
      aConversion({ id: `cnv_${key}`, upload_id: key, status: 'completed', output: anOutput() }),
    );
    const conversions = Object.fromEntries(results.map((each) => [each.id, each]));
    expect(resultFiles({ rows, conversions }).map(({ path }) => path)).toEqual([
      'Album/CD 1/song.mp3',
      'song.mp3',
      'song (2).mp3',
    ]);
  });
});

describe('presets', () => {
  it('are those whose every setting the service offers', () => {
    expect(availablePresets(FORMATS).map(({ name }) => name)).toEqual(['music', 'archive']);
    const bitrate = ['64k', '96k', ...MP3.options.bitrate!];
    const all = availablePresets([{ ...MP3, options: { ...MP3.options, bitrate } }, FLAC]);
    expect(all.find(({ name }) => name === 'podcast')?.settings.normalize).toBe(-16);
    expect(all).toHaveLength(4);
  });
});
