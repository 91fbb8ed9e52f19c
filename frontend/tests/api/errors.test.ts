import { describe, expect, it } from 'vitest';
import { toApiError } from '../../src/api/client';
import { toProblem } from '../../src/api/errors';
import { retryAfterMs } from '../../src/api/transport';

describe('an error response', () => {
  it('becomes an error with code, detail and delay', () => {
    const body = {
      status: 429,
      code: 'rate_limited',
      title: 'Too many requests',
      detail: 'You have five uploads open.',
    };
    expect(toApiError(429, JSON.stringify(body), '12')).toMatchObject({
      status: 429,
      code: 'rate_limited',
      message: 'You have five uploads open.',
      retryAfterMs: 12_000,
    });
  });

  it('names the invalid fields', () => {
    const body = {
      code: 'validation',
      detail: 'The request is not valid.',
      errors: [{ field: 'size', message: 'must be positive' }],
    };
    const error = toApiError(422, JSON.stringify(body), null);
    expect(error.message).toBe('The request is not valid. size: must be positive');
  });

  it('lists the missing parts', () => {
    const body = { code: 'upload_incomplete', detail: 'x', missing_parts: [2, 5] };
    expect(toApiError(409, JSON.stringify(body), null).missingParts).toEqual([2, 5]);
  });

  it.each(['<html>502 Bad Gateway</html>', '', '"text"', 'null', '[]'])(
    'is described by its status if its body is %j',
    (body) => {
      const error = toApiError(502, body, null);
      expect(error.code).toBe('http_502');
      expect(toProblem(error).detail).toContain('Try again');
    },
  );
});

describe('Retry-After', () => {
  it('holds seconds or a date', () => {
    const now = Date.UTC(2026, 0, 1);
    expect(retryAfterMs('3')).toBe(3000);
    expect(retryAfterMs('Thu, 01 Jan 2026 00:00:10 GMT', now)).toBe(10_000);
    expect(retryAfterMs('soon')).toBeUndefined();
    expect(retryAfterMs(null)).toBeUndefined();
  });
});
