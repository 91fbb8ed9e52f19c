// @vitest-environment jsdom
import { http, HttpResponse } from 'msw';
import { describe, expect, it } from 'vitest';
import { apiClient } from '../../src/api/client';
import { ApiError, NetworkError, StorageError } from '../../src/api/errors';
import { putToStorage, type PutRequest } from '../../src/api/transport';
import { anUpload } from '../fakes/documents';
import { interceptRequests } from '../fakes/server';

const URL_OF_PART = 'https://storage.test/bucket/part?signature=1';
const PART = 'https://storage.test/bucket/part';
const server = interceptRequests();

const aPut = (change: Partial<PutRequest> = {}): PutRequest => ({
  url: URL_OF_PART,
  headers: {},
  body: new Blob(['0123456789']),
  onBytesSent: () => undefined,
  signal: new AbortController().signal,
  ...change,
});

describe('a PUT to S3', () => {
  it('sends the bytes with the signed headers and reports progress', async () => {
    let received: Request | undefined;
    server.use(
      http.put(PART, ({ request }) => {
        received = request.clone();
        return new HttpResponse(null, { headers: { ETag: '"e"' } });
      }),
    );
    const progress: number[] = [];
    await putToStorage(
      aPut({
        headers: { 'x-amz-checksum-crc32': 'AAAAAA==', Host: 'storage.test' },
        onBytesSent: (bytes) => progress.push(bytes),
      }),
    );
    expect(await received?.text()).toBe('0123456789');
    expect(received?.headers.get('x-amz-checksum-crc32')).toBe('AAAAAA==');
    expect(progress.at(-1)).toBe(10);
  });

  it('raises StorageError with the delay if S3 refuses it', async () => {
    server.use(
      http.put(PART, () =>
        HttpResponse.xml('<Error><Code>SlowDown</Code></Error>', {
          status: 503,
          headers: { 'Retry-After': '2' },
        }),
      ),
    );
    const error = await putToStorage(aPut()).catch((reason) => reason);
    expect(error).toBeInstanceOf(StorageError);
    expect(error).toMatchObject({ status: 503, retryAfterMs: 2000 });
  });

  it('raises NetworkError if there is no answer', async () => {
    server.use(http.put(PART, () => HttpResponse.error()));
    await expect(putToStorage(aPut())).rejects.toBeInstanceOf(NetworkError);
  });

  it('sends nothing if it is aborted already', async () => {
    let isSent = false;
    server.use(
      http.put(PART, () => {
        isSent = true;
        return new HttpResponse(null);
      }),
    );
    const put = putToStorage(aPut({ signal: AbortSignal.abort() }));
    await expect(put).rejects.toBeInstanceOf(NetworkError);
    expect(isSent).toBe(false);
  });
});

describe('a PUT to the service', () => {
  const url = `${location.origin}/api/uploads/upl_1/parts/3`;
  const put = () =>
    apiClient.putPartToService(
      'upl_1',
      3,
      new Blob(['0123456789']),
      () => undefined,
      new AbortController().signal,
    );

  it('returns the upload', async () => {
    server.use(http.put(url, () => HttpResponse.json(anUpload({ completed_parts: [3] }))));
    expect(await put()).toEqual(anUpload({ completed_parts: [3] }));
  });

  it('raises the error of the service', async () => {
    const problem = { code: 'part_size_mismatch', detail: 'The part is too short.' };
    server.use(http.put(url, () => HttpResponse.json(problem, { status: 422 })));
    const error = await put().catch((reason) => reason);
    expect(error).toBeInstanceOf(ApiError);
    expect(error).toMatchObject({ status: 422, code: 'part_size_mismatch' });
  });
});
