// @vitest-environment jsdom
import { beforeEach, describe, expect, it } from 'vitest';
import { ApiError, canRetry, NetworkError, describeProblem } from '../../src/api/errors';
import { FakeApp } from '../fakes/app';

let app: FakeApp;

beforeEach(async () => {
  app = new FakeApp();
  await app.controller.start();
});

const download = () => app.controller.conversionManager.download('cnv_1');
const problem = () => app.state.conversionProblems['cnv_1'];

describe('a download', () => {
  it('uses a URL that was just given out', async () => {
    await download();
    expect(app.savedUrls).toEqual(['https://storage/song.mp3?signature=1']);
    expect(problem()).toBeUndefined();
  });

  it.each([
    [new NetworkError('offline'), /cannot be reached/],
    [new ApiError(410, 'gone', 'It was deleted. Convert the file again.'), /^It was .* again\.$/],
    [
      new ApiError(404, 'conversion_not_found', 'Unknown.'),
      /^Unknown\. Or your session has ended\. Add the file again\.$/,
    ],
  ])('says what is wrong and follows no link: %s', async (error, text) => {
    app.api.getDownload.mockRejectedValueOnce(error);
    await download();
    expect(app.savedUrls).toEqual([]);
    expect(describeProblem(problem()!).text).toMatch(text);
  });
});

describe('a player that fails', () => {
  const explain = () => app.controller.conversionManager.explainPlayerError('cnv_1');

  it('is explained by the service, or else by the browser', async () => {
    app.api.getDownload.mockRejectedValueOnce(new ApiError(410, 'gone', 'Deleted.'));
    await explain();
    expect(problem()?.code).toBe('gone');
    await explain();
    expect(describeProblem(problem()!).text).toMatch(/^This browser could not play the result/);
  });
});

describe('a problem', () => {
  it.each(['no_audio_stream', 'too_large', 'upload_not_found', 'file_too_large', 'worker_lost'])(
    'offers no other attempt that cannot succeed: %s',
    (code) => expect(canRetry({ code, detail: '' })).toBe(false),
  );

  it('comes with advice if its description has none', () => {
    expect(describeProblem({ code: 'upload_not_found', detail: 'Why.' }).text).toBe(
      'Why. Or your session has ended. Add the file again.',
    );
  });

  it.each(['network', 'timed_out', 'storage_unavailable', 'internal'])(
    'offers another attempt that may succeed: %s',
    (code) => expect(canRetry({ code, detail: '' })).toBe(true),
  );
});
