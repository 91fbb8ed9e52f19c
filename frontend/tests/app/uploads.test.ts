// @vitest-environment jsdom
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { NetworkError } from '../../src/api/errors';
import { aFile, FakeApp } from '../fakes/app';
import { settle } from '../fakes/uploader';

let app: FakeApp;

beforeEach(async () => {
  app = new FakeApp();
  await app.controller.start();
});

describe('new files', () => {
  it('are rejected with a reason if they are empty', () => {
    app.controller.addFiles([aFile('empty.wav', 0)]);
    expect(app.rows[0]).toMatchObject({ stage: 'rejected', problem: { code: 'file_empty' } });
    app.controller.uploadManager.startAll();
    expect(app.uploadApi.calls).toEqual([]);
  });

  it('are rejected before the upload if they are larger than the service allows', () => {
    app.controller.addFiles([aFile('large.wav', 1_001)]);
    expect(app.rows[0]).toMatchObject({ stage: 'rejected', problem: { code: 'file_too_large' } });
  });

  it('are uploaded two at a time', async () => {
    app.uploadApi.putBarrier = new Promise(() => undefined);
    app.controller.addFiles([aFile('a.wav'), aFile('b.wav'), aFile('c.wav')]);
    app.controller.uploadManager.startAll();
    await settle();
    expect(app.rows.map(({ stage }) => stage)).toEqual(['uploading', 'uploading', 'queued']);
  });

  it('wait no longer for paused ones that were removed', async () => {
    const { createUpload } = app.api;
    app.api.createUpload = async (request, key) => {
      return { ...(await createUpload(request, key)), id: request.filename };
    };
    app.uploadApi.putBarrier = new Promise(() => undefined);
    app.controller.addFiles([aFile('a.wav'), aFile('b.wav'), aFile('c.wav')]);
    app.controller.uploadManager.startAll();
    await settle();
    app.controller.uploadManager.runner.pauseAll();
    await app.controller.remove(app.rows[0]!);
    expect(app.rows.map(({ stage }) => stage)).toEqual(['uploading', 'queued']);
    app.uploadApi.putBarrier = undefined;
    await app.controller.remove(app.rows[0]!);
    await vi.waitFor(() => expect(app.rows[0]).toMatchObject({ name: 'c.wav', stage: 'uploaded' }));
  });

  it('are locked against other tabs until they are uploaded', async () => {
    app.controller.addFiles([aFile()]);
    await settle();
    expect([...app.ownLocks]).toEqual([app.rows[0]?.key]);
    app.controller.uploadManager.startAll();
    await vi.waitFor(() => expect(app.rows[0]?.stage).toBe('uploaded'));
    await vi.waitFor(() => expect(app.ownLocks.size).toBe(0));
  });

  it('are not created twice if the response to the creation is lost', async () => {
    let isLost = false;
    app.uploadApi.beforeAnswer = (call) => {
      if (call !== 'createUpload' || isLost) return;
      isLost = true;
      throw new NetworkError('the response is lost');
    };
    app.controller.addFiles([aFile()]);
    app.controller.uploadManager.startAll();
    await vi.waitFor(() => expect(app.rows[0]?.stage).toBe('uploaded'));
    expect(app.uploadApi.countOf('createUpload')).toBe(2);
    expect(new Set(app.uploadApi.idempotencyKeys).size).toBe(1);
    expect(app.uploadApi.idempotencyKeys[0]).toMatch(/^[0-9a-f]{32}$/);
  });

  it('start with the settings that were chosen last', () => {
    app.controller.addFiles([aFile('a.wav')]);
    const flac = { format: 'flac', bit_depth: 24 };
    app.controller.uploadManager.setSettings(app.rows[0]!.key, flac);
    app.controller.addFiles([aFile('b.wav')]);
    expect(app.rows[0]?.settings).toEqual(flac);
  });

  it('of an album do not take over the settings of a single memo', () => {
    const { uploadManager } = app.controller;
    const voice = { format: 'mp3', bitrate: '128k', channels: 1 };
    app.controller.addFiles([aFile('memo.wav')]);
    uploadManager.setSettings(app.rows[0]!.key, voice);
    app.controller.addFiles([aFile('1.wav'), aFile('2.wav')]);
    expect(app.rows[0]?.settings).toEqual({ format: 'mp3', bitrate: '192k' });
    uploadManager.setSettings(app.rows[0]!.key, { format: 'flac' }, true);
    app.controller.addFiles([aFile('3.wav'), aFile('4.wav')]);
    expect(app.rows[0]?.settings).toEqual({ format: 'flac' });
  });

  it('are deleted on the service if they are removed during the creation', async () => {
    let answer: () => void = () => undefined;
    app.uploadApi.beforeAnswer = (call) =>
      call === 'createUpload' ? new Promise((resolve) => (answer = resolve)) : undefined;
    app.controller.addFiles([aFile()]);
    app.controller.uploadManager.startAll();
    await vi.waitFor(() => expect(app.uploadApi.countOf('createUpload')).toBe(1));
    await app.controller.remove(app.rows[0]!);
    expect(app.rows).toEqual([]);
    answer();
    await vi.waitFor(() => expect(app.api.deleteUpload).toHaveBeenCalledWith('upl_1'));
  });
});
