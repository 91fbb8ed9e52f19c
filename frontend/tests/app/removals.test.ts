// @vitest-environment jsdom
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { shownRows } from '../../src/state/reducer';
import { aFile, FakeApp } from '../fakes/app';
import { settle } from '../fakes/uploader';

let app: FakeApp;

beforeEach(async () => {
  app = new FakeApp({ undoMs: 60_000 });
  await app.controller.start();
  app.controller.addFiles([aFile('a.wav'), aFile('b.wav')]);
  await settle();
});

const shown = () => shownRows(app.state).map(({ name }) => name);

describe('a removed file', () => {
  it('is gone from the list, and comes back to its place', async () => {
    await app.controller.remove(app.rows[0]!);
    expect(shown()).toEqual(['b.wav']);
    expect(app.state.announcement.text).toContain('a.wav was removed');
    app.controller.removals.undo();
    expect(shown()).toEqual(['a.wav', 'b.wav']);
    expect(app.state.announcement.text).toBe('The removal was undone.');
    expect(app.api.deleteUpload).not.toHaveBeenCalled();
  });

  it('stops its upload, which goes on when it comes back', async () => {
    app.uploadApi.putBarrier = new Promise(() => undefined);
    app.controller.uploadManager.start(app.rows[0]!.key);
    await vi.waitFor(() => expect(app.rows[0]?.transfer?.phase).toBe('uploading'));
    await app.controller.remove(app.rows[0]!);
    expect(app.rows[0]?.transfer?.phase).toBe('paused');
    app.uploadApi.putBarrier = undefined;
    app.controller.removals.undo();
    await vi.waitFor(() => expect(app.rows[0]?.stage).toBe('uploaded'));
  });

  it('is not started, counted or restored any more', async () => {
    await app.controller.removeAll();
    app.controller.uploadManager.startAll();
    await settle();
    expect(app.uploadApi.calls).toEqual([]);
    expect([...app.storage.records.values()].map(({ request }) => request)).toEqual([
      'remove',
      'remove',
    ]);
  });

  it('is deleted at once when the page is closed', async () => {
    await app.controller.removeAll();
    window.dispatchEvent(new Event('pagehide'));
    await settle();
    expect(app.rows).toEqual([]);
    expect(app.storage.records.size).toBe(0);
  });
});
