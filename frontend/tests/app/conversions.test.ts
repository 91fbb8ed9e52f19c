// @vitest-environment jsdom
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { ApiError } from '../../src/api/errors';
import { FakeApp } from '../fakes/app';
import { aConversion, anUpload, aProgress } from '../fakes/documents';

let app: FakeApp;

beforeEach(async () => {
  app = new FakeApp();
  app.listedUploads = [anUpload({ status: 'uploaded', version: 9 })];
  await app.controller.start();
  app.controller.store.dispatch({ type: 'conversion-received', conversion: aConversion() });
});

describe('conversions', () => {
  it('are fetched when an event reports that they are completed', async () => {
    const completed = aProgress({ status: 'completed', percent: 100, version: 20 });
    app.eventStream.send('progress', completed);
    const output = () => app.state.conversions.cnv_1?.output;
    await vi.waitFor(() => expect(output()?.filename).toBe('song.mp3'));
  });

  it('are fetched at their first event if they are unknown', async () => {
    app.eventStream.send('progress', aProgress({ id: 'cnv_9' }));
    await vi.waitFor(() => expect(app.state.conversions.cnv_9).toBeDefined());
  });

  it('are requested with one idempotency key in all attempts', async () => {
    const { createConversion } = app.api;
    createConversion.mockRejectedValueOnce(new ApiError(503, 'storage_unavailable', 'busy'));
    await app.controller.conversionManager.start(app.rows[0]!, { format: 'flac' });
    const keys = createConversion.mock.calls.map(([, , key]) => key);
    expect(keys).toHaveLength(2);
    expect(keys[0]).toBe(keys[1]);
  });

  it('are refused with the sentence of the service if they can start only later', async () => {
    const refusal = new ApiError(429, 'quota_exceeded', 'Enough for this hour.', 1_800_000);
    app.api.createConversion.mockRejectedValue(refusal);
    await app.controller.conversionManager.start(app.rows[0]!, { format: 'flac' });
    const problem = { code: 'quota_exceeded', detail: 'Enough for this hour.' };
    expect(app.rows[0]).toMatchObject({ isBusy: false, problem });
    expect(app.environment.delays).toEqual([]);
  });

  it('name the last error if the time for their start is over', async () => {
    const timeOver = new AbortController();
    vi.spyOn(AbortSignal, 'timeout').mockReturnValueOnce(timeOver.signal);
    app.environment.holdSleeps();
    app.api.createConversion.mockRejectedValue(new ApiError(503, 'busy', 'Too busy.', 9_000));
    const start = app.controller.conversionManager.start(app.rows[0]!, { format: 'flac' });
    await vi.waitFor(() => expect(app.environment.delays).toHaveLength(1));
    timeOver.abort();
    await start;
    expect(app.rows[0]?.problem).toEqual({ code: 'busy', detail: 'Too busy.' });
  });

  it('are retried with the same settings, and the failed one is deleted', async () => {
    const options = { bitrate: '192k', sample_rate: undefined };
    const failed = aConversion({ status: 'failed', options });
    await app.controller.conversionManager.retry(app.rows[0]!, failed);
    const settings = { format: 'mp3', ...options };
    const [uploadId, requested] = app.api.createConversion.mock.calls[0]!;
    expect([uploadId, requested]).toEqual(['upl_1', settings]);
    expect(app.api.deleteConversion).toHaveBeenCalledWith('cnv_1');
  });

  it('show no problem if they end before they can be cancelled', async () => {
    const ended = new ApiError(409, 'conversion_finished', 'It has ended.');
    app.api.cancelConversion.mockRejectedValue(ended);
    await app.controller.conversionManager.cancel('cnv_1');
    expect(app.state.conversionProblems).toEqual({});
    expect(app.state.conversions.cnv_1?.status).toBe('completed');
  });

  it('are removed with their upload, even if the service has deleted it already', async () => {
    app.api.deleteUpload.mockRejectedValue(new ApiError(404, 'upload_not_found', 'None.'));
    await app.controller.remove(app.rows[0]!);
    expect(app.rows).toEqual([]);
    expect(app.state.conversions).toEqual({});
  });
});
