import { describe, expect, it, vi } from 'vitest';
import { ApiError, NetworkError, StorageError } from '../../../src/api/errors';
import type { UploadCall } from '../../../src/features/upload/uploadApi';
import { anUpload } from '../../fakes/documents';
import { createUploader, failOnce, settle } from '../../fakes/uploader';

const serviceUnavailable = () =>
  new ApiError(503, 'storage_unavailable', 'Storage does not answer.');
const noAnswer = () => new NetworkError('no answer');

describe('an upload with failing requests', () => {
  it.each<UploadCall>(['createUpload', 'signParts', 'reportParts', 'completeUpload'])(
    'repeats %s after a 503 and a lost connection',
    async (failing) => {
      const { api, uploader, lastTransfer } = createUploader();
      const errors = [serviceUnavailable(), noAnswer(), serviceUnavailable()];
      api.beforeAnswer = (call) => {
        const error = call === failing ? errors.shift() : undefined;
        if (error) throw error;
      };
      await uploader.run();
      expect(errors).toEqual([]);
      expect(lastTransfer()?.phase).toBe('done');
      expect(api.countOf('putPartToStorage')).toBe(10);
    },
  );

  it('repeats only the part whose PUT failed', async () => {
    const { api, uploader, lastTransfer } = createUploader();
    failOnce(api, 'putPartToStorage', new StorageError(500, 'internal'), 3);
    await uploader.run();
    expect(api.countOf('putPartToStorage', 3)).toBe(2);
    expect(api.countOf('putPartToStorage')).toBe(11);
    expect(lastTransfer()?.phase).toBe('done');
  });

  it('waits at least for the time in Retry-After', async () => {
    const { api, environment, uploader } = createUploader();
    failOnce(api, 'completeUpload', new ApiError(429, 'rate_limited', 'Wait.', 7000));
    await uploader.run();
    expect(Math.max(...environment.delays)).toBeGreaterThanOrEqual(7000);
  });

  it('does not wait for a limit that ends in hours', async () => {
    const { api, environment, uploader, lastTransfer } = createUploader();
    const error = new ApiError(429, 'rate_limited', 'Try again in 2 hours.', 7_200_000);
    failOnce(api, 'createUpload', error);
    await uploader.run();
    expect(environment.delays).toEqual([]);
    expect(lastTransfer()).toMatchObject({
      phase: 'failed',
      error: { code: 'rate_limited', detail: 'Try again in 2 hours.' },
    });
  });

  it('waits longer after each failure', async () => {
    const { api, environment, uploader } = createUploader();
    let failures = 4;
    api.beforeAnswer = (call) => {
      if (call === 'completeUpload' && failures-- > 0) throw serviceUnavailable();
    };
    await uploader.run();
    const { delays } = environment;
    expect(delays).toHaveLength(4);
    expect(delays).toEqual([...delays].sort((a, b) => a - b));
    expect(delays[3]).toBeGreaterThan(delays[0]! * 4);
  });

  it('fails with the reason if the service answers only with errors', async () => {
    const { api, uploader, lastTransfer } = createUploader();
    api.beforeAnswer = (call) => {
      if (call === 'completeUpload') throw serviceUnavailable();
    };
    await uploader.run();
    expect(lastTransfer()).toMatchObject({
      phase: 'failed',
      error: { code: 'storage_unavailable', detail: 'Storage does not answer.' },
    });
  });

  it('does not repeat a request that cannot succeed', async () => {
    const { api, uploader, lastTransfer } = createUploader();
    failOnce(api, 'createUpload', new ApiError(413, 'file_too_large', 'Too large.'));
    await uploader.run();
    expect(api.countOf('createUpload')).toBe(1);
    expect(lastTransfer()).toMatchObject({
      phase: 'failed',
      error: { code: 'file_too_large' },
    });
  });

  it('requests a new URL if S3 refuses one', async () => {
    const { api, uploader, lastTransfer } = createUploader();
    failOnce(api, 'putPartToStorage', new StorageError(403, 'expired'), 2);
    await uploader.run();
    const urls = api.usedUrls.filter((url) => url.startsWith('https://storage/2?'));
    expect(urls).toHaveLength(2);
    expect(urls[0]).not.toBe(urls[1]);
    expect(lastTransfer()?.phase).toBe('done');
  });

  it('does not use other URLs that were signed together with a refused one', async () => {
    const { api, uploader } = createUploader();
    failOnce(api, 'putPartToStorage', new StorageError(403, 'expired'), 1);
    await uploader.run();
    expect(api.usedUrls).toContain('https://storage/1?signature=1');
    expect(api.usedUrls).not.toContain('https://storage/8?signature=1');
  });

  it('sends a part again that the service does not find in S3', async () => {
    const { api, uploader, lastTransfer } = createUploader();
    const missing = [new ApiError(422, 'part_size_mismatch', 'No part 4.', undefined, [4])];
    const incomplete = [new ApiError(409, 'upload_incomplete', 'No part 4.', undefined, [4])];
    api.beforeAnswer = (call) => {
      const errors = { reportParts: missing, completeUpload: incomplete }[call as string];
      const error = errors?.shift();
      if (error) throw error;
    };
    await uploader.run();
    expect(api.countOf('putPartToStorage', 4)).toBe(2);
    expect(lastTransfer()?.phase).toBe('done');
  });

  it('sends the parts again that are missing on completion', async () => {
    const { api, uploader, lastTransfer } = createUploader();
    const incomplete = new ApiError(409, 'upload_incomplete', 'Missing.', undefined, [6]);
    failOnce(api, 'completeUpload', incomplete);
    await uploader.run();
    expect(api.countOf('putPartToStorage', 6)).toBe(2);
    expect(api.countOf('putPartToStorage')).toBe(11);
    expect(api.countOf('completeUpload')).toBe(2);
    expect(lastTransfer()?.phase).toBe('done');
  });

  it('begins no other part after a report was refused', async () => {
    const { api, uploader, lastTransfer } = createUploader();
    let puts = 0;
    api.beforeAnswer = async (call) => {
      if (call === 'reportParts') throw new ApiError(409, 'upload_closed', 'It is complete.');
      if (call !== 'getUpload') return;
      puts = api.countOf('putPartToStorage');
      await settle();
      api.upload = anUpload({ status: 'uploaded', version: 50 });
    };
    await uploader.run();
    expect(puts).toBeLessThan(10);
    expect(api.countOf('putPartToStorage')).toBe(puts);
    expect(lastTransfer()?.phase).toBe('done');
  });

  it('is done if another client has completed it', async () => {
    const { api, uploader, lastTransfer } = createUploader();
    api.beforeAnswer = (call) => {
      if (call !== 'reportParts') return;
      api.upload = anUpload({ status: 'uploaded', version: 50 });
      throw new ApiError(409, 'upload_closed', 'It is complete.');
    };
    await uploader.run();
    expect(lastTransfer()?.phase).toBe('done');
  });

  it('never shows fewer sent bytes while a part is sent again', async () => {
    const { api, uploader, transfers } = createUploader();
    failOnce(api, 'putPartToStorage', new StorageError(500, 'internal'), 2);
    await uploader.run();
    const shown = transfers.map(({ sentBytes }) => sentBytes);
    // Without half-sent parts among them, the values could not decrease.
    expect(shown.some((bytes) => bytes % 10 === 5)).toBe(true);
    expect(shown).toEqual([...shown].sort((a, b) => a - b));
  });
});

describe('an upload that cannot reach S3', () => {
  it('sends the remaining parts through the service, if that answers', async () => {
    const { api, uploader, lastTransfer } = createUploader();
    api.beforeAnswer = (call) => {
      if (call === 'putPartToStorage') throw new NetworkError('refused by CORS');
    };
    await uploader.run();
    expect(api.storedParts.size).toBe(10);
    expect(api.countOf('putPartToService')).toBe(10);
    expect(lastTransfer()).toMatchObject({ phase: 'done', viaService: true });
  });

  it('sends all parts through the service if an earlier upload had to', async () => {
    const { api, uploader } = createUploader({ viaService: true });
    await uploader.run();
    expect(api.countOf('putPartToStorage')).toBe(0);
    expect(api.countOf('signParts')).toBe(0);
    expect(api.maxParallelPuts).toBe(2);
  });

  it('waits for the network if the service does not answer either', async () => {
    const { api, environment, uploader, lastTransfer } = createUploader();
    let isDown = true;
    api.beforeAnswer = (call) => {
      const isPut = call === 'putPartToStorage';
      const isCheck = call === 'getUpload' && api.countOf('putPartToStorage') > 0;
      if (isDown && (isPut || isCheck)) throw noAnswer();
    };
    environment.holdSleeps();
    const run = uploader.run();
    await vi.waitFor(() => expect(lastTransfer()?.waitingFor).toBe('network'));
    await settle();
    isDown = false;
    environment.releaseSleeps();
    await run;
    expect(lastTransfer()).toMatchObject({ phase: 'done', viaService: false });
  });
});

describe('a part that is lost again and again', () => {
  const loseEachPart = async (times: number, hasMoved: boolean) => {
    const { api, environment, uploader, lastTransfer } = createUploader();
    let losses = times;
    const { putPartToStorage } = api;
    api.putPartToStorage = async (part, ...rest) => {
      if (part.part_number === 1 && losses-- > 0) {
        if (hasMoved) rest[1](3);
        throw noAnswer();
      }
      return putPartToStorage(part, ...rest);
    };
    api.getUpload = () => Promise.reject(noAnswer());
    await uploader.run();
    expect(lastTransfer()?.phase).toBe('done');
    return Math.max(...environment.delays);
  };

  it('is sent again sooner if the network was back meanwhile', async () => {
    expect(await loseEachPart(30, true)).toBeLessThan(7_000);
  });

  it('is tried less and less often, too, if the line breaks after each start', async () => {
    expect(await loseEachPart(8, true)).toBeGreaterThan(2_000);
  });

  it('is tried less and less often while there is no network', async () => {
    expect(await loseEachPart(8, false)).toBeGreaterThan(10_000);
  });

  it('still waits for the network when a report of other parts is answered', async () => {
    const { api, environment, uploader, lastTransfer } = createUploader();
    let time = 0;
    environment.now = () => (time += 6_000);
    let answerReport: () => void = () => undefined;
    api.beforeAnswer = (call, partNumber) => {
      if (call === 'reportParts') return new Promise((resolve) => (answerReport = resolve));
      if (call === 'putPartToStorage' && partNumber !== 1) throw noAnswer();
    };
    api.getUpload = () => Promise.reject(noAnswer());
    environment.holdSleeps();
    const run = uploader.run();
    await vi.waitFor(() => expect(lastTransfer()?.waitingFor).toBe('network'));
    await settle();
    answerReport();
    await settle();
    expect(lastTransfer()).toMatchObject({ waitingFor: 'network', isStalled: false });
    uploader.cancel();
    await run;
  });

  it('gets a new URL after a long outage, in which its old one has expired', async () => {
    const { api, uploader, lastTransfer } = createUploader();
    const answers = [...Array(20).fill(noAnswer()), new StorageError(403, 'expired')];
    api.beforeAnswer = (call, partNumber) => {
      const isChecked = call === 'getUpload' && answers.length > 0;
      const error = partNumber === 1 && call === 'putPartToStorage' ? answers.shift() : undefined;
      if (error) throw error;
      if (isChecked) throw noAnswer();
    };
    await uploader.run();
    expect(answers).toEqual([]);
    expect(lastTransfer()?.phase).toBe('done');
  });
});

describe('an upload without a network', () => {
  it('waits without sending requests, and continues when the network is back', async () => {
    const { api, environment, uploader, lastTransfer } = createUploader();
    environment.online = false;
    api.beforeAnswer = (call) => {
      const isBeforeLoss = call === 'createUpload' || call === 'signParts';
      if (!environment.online && !isBeforeLoss) throw noAnswer();
    };
    environment.holdSleeps();
    const run = uploader.run();
    await settle();
    const callsBefore = api.calls.length;
    await settle();
    expect(api.calls.length).toBe(callsBefore);
    expect(lastTransfer()).toMatchObject({ phase: 'uploading', waitingFor: 'network' });
    expect(Math.min(...environment.delays)).toBeGreaterThanOrEqual(10_000);

    environment.online = true;
    environment.releaseSleeps();
    await run;
    expect(lastTransfer()).toMatchObject({ phase: 'done', waitingFor: undefined });
  });
});
