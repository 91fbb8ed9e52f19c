import { http, HttpResponse } from 'msw';
import { beforeAll, describe, expect, it, vi } from 'vitest';
import { apiClient } from '../../src/api/client';
import { ApiError, NetworkError } from '../../src/api/errors';
import { aConversion, anUpload, aProgress } from '../fakes/documents';
import { interceptRequests } from '../fakes/server';

const ORIGIN = 'https://tinypixo.test';
const server = interceptRequests();

// Relative URLs need an origin, which Node.js does not have.
beforeAll(() => {
  vi.stubGlobal('location', new URL(ORIGIN));
  return () => vi.unstubAllGlobals();
});

describe('a request', () => {
  it('raises NetworkError if there is no answer', async () => {
    server.use(http.get(`${ORIGIN}/api/formats`, () => HttpResponse.error()));
    await expect(apiClient.listFormats()).rejects.toBeInstanceOf(NetworkError);
  });

  it('sends JSON with the idempotency key', async () => {
    let received: Request | undefined;
    server.use(
      http.post(`${ORIGIN}/api/conversions`, ({ request }) => {
        received = request.clone();
        return HttpResponse.json(aConversion(), { status: 202 });
      }),
    );
    await apiClient.createConversion('upl_1', { format: 'flac', bit_depth: 24 }, 'key-1');
    expect(received?.headers.get('Content-Type')).toBe('application/json');
    expect(received?.headers.get('Idempotency-Key')).toBe('key-1');
    const body = { upload_id: 'upl_1', format: 'flac', bit_depth: 24 };
    expect(await received?.json()).toEqual(body);
  });

  it('reads every page of a listing', async () => {
    server.use(
      http.get(`${ORIGIN}/api/uploads`, ({ request }) => {
        const next = new URL(request.url).searchParams.get('next');
        return next === 'a b'
          ? HttpResponse.json({ items: [anUpload()], next: null })
          : HttpResponse.json({ items: [anUpload({ id: 'upl_2' })], next: 'a b' });
      }),
    );
    const uploads = await apiClient.listUploads();
    expect(uploads.map(({ id }) => id)).toEqual(['upl_2', 'upl_1']);
  });

  it('accepts a response without a body', async () => {
    server.use(
      http.delete(`${ORIGIN}/api/uploads/upl_1`, () => new HttpResponse(null, { status: 204 })),
    );
    await expect(apiClient.deleteUpload('upl_1')).resolves.toBeUndefined();
  });

  it('raises the error of the service', async () => {
    const problem = { code: 'upload_not_found', detail: 'There is no such upload.' };
    server.use(
      http.get(`${ORIGIN}/api/uploads/upl_1`, () =>
        HttpResponse.json(problem, {
          status: 404,
          headers: { 'Content-Type': 'application/problem+json' },
        }),
      ),
    );
    const error = await apiClient.getUpload('upl_1').catch((reason) => reason);
    expect(error).toBeInstanceOf(ApiError);
    expect(error).toMatchObject({ code: 'upload_not_found', message: problem.detail });
  });
});

describe('a poll', () => {
  it('tells changed, unchanged and deleted items apart', async () => {
    server.use(
      http.get(`${ORIGIN}/api/progress/cnv_1`, ({ request }) =>
        request.headers.get('If-None-Match') === '"6"'
          ? new HttpResponse(null, { status: 304 })
          : HttpResponse.json(aProgress(), { headers: { ETag: '"6"' } }),
      ),
      http.get(`${ORIGIN}/api/progress/cnv_2`, () =>
        HttpResponse.json({ code: 'conversion_not_found' }, { status: 404 }),
      ),
    );
    const changed = { state: 'changed', progress: aProgress(), etag: '"6"' };
    expect(await apiClient.getProgress('cnv_1')).toEqual(changed);
    expect(await apiClient.getProgress('cnv_1', '"6"')).toEqual({ state: 'unchanged' });
    expect(await apiClient.getProgress('cnv_2')).toEqual({ state: 'deleted' });
  });
});
