import { afterEach, describe, expect, it, vi } from 'vitest';
import { api, problemFrom } from '../../src/api/client';
import { ApiError, inWords, NetworkError } from '../../src/api/errors';
import { retryAfterMs } from '../../src/api/transport';
import { anUpload } from '../fakes';

const answers = (...all: (Response | Error)[]) => {
  const calls: { path: string; init: RequestInit }[] = [];
  vi.stubGlobal('fetch', async (path: string, init: RequestInit) => {
    calls.push({ path, init });
    const next = all.shift()!;
    if (next instanceof Error) throw next;
    return next;
  });
  return calls;
};
const json = (body: unknown, init?: ResponseInit) => new Response(JSON.stringify(body), init);

afterEach(() => vi.unstubAllGlobals());

describe('problem details', () => {
  it('become an error with the code, the sentence and the wait', () => {
    const error = problemFrom(
      429,
      JSON.stringify({
        status: 429,
        code: 'rate_limited',
        title: 'Too many requests',
        detail: 'You have five uploads open.',
      }),
      '12',
    );
    expect(error).toMatchObject({
      status: 429,
      code: 'rate_limited',
      message: 'You have five uploads open.',
      retryAfterMs: 12_000,
    });
  });

  it('name the fields that are wrong', () => {
    const error = problemFrom(
      422,
      JSON.stringify({
        code: 'validation',
        detail: 'The request is not valid.',
        errors: [{ field: 'size', message: 'must be positive' }],
      }),
      null,
    );
    expect(error.message).toBe('The request is not valid. size: must be positive');
  });

  it('carry the parts that are missing', () => {
    expect(
      problemFrom(
        409,
        JSON.stringify({ code: 'upload_incomplete', detail: 'x', missing_parts: [2, 5] }),
        null,
      ).missingParts,
    ).toEqual([2, 5]);
  });

  it.each(['<html>502 Bad Gateway</html>', '', '"text"', 'null', '[]'])(
    'are made up in words from %j',
    (body) => {
      const error = problemFrom(502, body, null);
      expect(error.code).toBe('http_502');
      expect(inWords(error).detail).toContain('Try again');
    },
  );

  it('know both forms of Retry-After', () => {
    expect(retryAfterMs('3')).toBe(3000);
    expect(retryAfterMs('Thu, 01 Jan 2026 00:00:10 GMT', Date.UTC(2026, 0, 1))).toBe(10_000);
    expect(retryAfterMs('soon')).toBeUndefined();
    expect(retryAfterMs(null)).toBeUndefined();
  });
});

describe('calls', () => {
  it('turn a connection that fails into a NetworkError', async () => {
    answers(new TypeError('Failed to fetch'));
    await expect(api.formats()).rejects.toBeInstanceOf(NetworkError);
  });

  it('send JSON and the key that makes them safe to repeat', async () => {
    const calls = answers(json({ id: 'cnv_1' }, { status: 202 }));
    await api.createConversion('upl_1', { format: 'flac', bit_depth: 24 }, 'key-1');
    expect(calls[0]?.path).toBe('/api/conversions');
    expect(calls[0]?.init.headers).toMatchObject({
      'Content-Type': 'application/json',
      'Idempotency-Key': 'key-1',
    });
    expect(JSON.parse(calls[0]?.init.body as string)).toEqual({
      upload_id: 'upl_1',
      format: 'flac',
      bit_depth: 24,
    });
  });

  it('read every page of a listing', async () => {
    const calls = answers(
      json({ items: [anUpload({ id: 'upl_2' })], next: 'a b' }),
      json({ items: [anUpload()], next: null }),
    );
    expect((await api.listUploads()).map((each) => each.id)).toEqual(['upl_2', 'upl_1']);
    expect(calls[1]?.path).toBe('/api/uploads?next=a%20b');
  });

  it('accept an answer without a body', async () => {
    answers(new Response(null, { status: 204 }));
    await expect(api.deleteUpload('upl_1')).resolves.toBeUndefined();
  });

  it('throw what the service says', async () => {
    answers(
      json({ code: 'upload_not_found', detail: 'There is no such upload.' }, { status: 404 }),
    );
    await expect(api.getUpload('upl_1')).rejects.toBeInstanceOf(ApiError);
  });
});

describe('asking for progress', () => {
  it('tells unchanged, gone and new apart', async () => {
    const calls = answers(
      json({ id: 'cnv_1', version: 3 }, { headers: { ETag: '"3"' } }),
      new Response(null, { status: 304 }),
      json({ code: 'conversion_not_found' }, { status: 404 }),
    );
    expect(await api.progress('cnv_1')).toMatchObject({ state: 'new', etag: '"3"' });
    expect(await api.progress('cnv_1', '"3"')).toEqual({ state: 'same' });
    expect(calls[1]?.init.headers).toMatchObject({ 'If-None-Match': '"3"' });
    expect(await api.progress('cnv_1')).toEqual({ state: 'gone' });
  });
});
