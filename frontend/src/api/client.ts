import { ApiError, NetworkError } from './errors';
import { putBytes, putSigned, retryAfterMs } from './transport';
import type {
  Choice,
  Conversion,
  Format,
  NewUpload,
  Page,
  Progress,
  SignedPart,
  Upload,
} from './types';

/** JSON calls are small; one that takes longer than this is lost, not slow. */
const TIMEOUT_MS = 20_000;
/** The history a session can reasonably have; a broken cursor must not make the page ask for ever. */
const MAX_PAGES = 20;

export type Polled =
  { state: 'same' } | { state: 'gone' } | { state: 'new'; progress: Progress; etag?: string };
export type OnBytes = (sent: number) => void;

interface Call {
  method?: string;
  body?: unknown;
  headers?: Record<string, string>;
  signal?: AbortSignal;
}

/** Turns an answer that is not a success into an error with words; never throws anything else. */
export function problemFrom(status: number, text: string, retryAfter: string | null): ApiError {
  let body: Record<string, unknown> = {};
  try {
    const parsed: unknown = JSON.parse(text);
    if (parsed && typeof parsed === 'object') body = parsed as Record<string, unknown>;
  } catch {
    // A gateway between us and the service answers in HTML; the status is all there is to know.
  }
  const words = (name: string) =>
    typeof body[name] === 'string' ? (body[name] as string) : undefined;
  const fields = Array.isArray(body.errors)
    ? (body.errors as { field?: string; message?: string }[])
    : [];
  const named = fields
    .map((each) => [each.field, each.message].filter(Boolean).join(': '))
    .filter(Boolean);
  const detail =
    words('detail') ??
    words('title') ??
    `The service answered with an error (${status}). Try again in a moment.`;
  const missing = Array.isArray(body.missing_parts) ? (body.missing_parts as number[]) : undefined;
  return new ApiError(
    status,
    words('code') ?? `http_${status}`,
    [detail, ...named].join(' '),
    retryAfterMs(retryAfter),
    missing,
  );
}

async function ask(
  path: string,
  { method = 'GET', body, headers, signal }: Call = {},
): Promise<Response> {
  const timeout = AbortSignal.timeout(TIMEOUT_MS);
  try {
    return await fetch(path, {
      method,
      credentials: 'same-origin',
      cache: 'no-store',
      signal: signal ? AbortSignal.any([signal, timeout]) : timeout,
      headers: {
        Accept: 'application/json',
        ...(body === undefined ? {} : { 'Content-Type': 'application/json' }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
  } catch {
    throw new NetworkError(`${method} ${path} got no answer`);
  }
}

async function json<T>(path: string, call?: Call): Promise<T> {
  const response = await ask(path, call);
  const text = await response.text().catch(() => {
    throw new NetworkError(`the answer of ${path} broke off`);
  });
  if (!response.ok) throw problemFrom(response.status, text, response.headers.get('Retry-After'));
  return (text ? JSON.parse(text) : undefined) as T;
}

async function everyPage<T>(path: string): Promise<T[]> {
  const items: T[] = [];
  let next: string | null | undefined;
  for (let page = 0; page < MAX_PAGES; page++) {
    const answer: Page<T> = await json(next ? `${path}?next=${encodeURIComponent(next)}` : path);
    items.push(...answer.items);
    next = answer.next;
    if (!next) break;
  }
  return items;
}

const upload = (id: string, rest = '') => `/api/uploads/${encodeURIComponent(id)}${rest}`;
const conversion = (id: string, rest = '') => `/api/conversions/${encodeURIComponent(id)}${rest}`;

export const api = {
  formats: () => json<{ formats: Format[] }>('/api/formats').then((answer) => answer.formats),

  createUpload: (body: NewUpload) => json<Upload>('/api/uploads', { method: 'POST', body }),
  getUpload: (id: string, signal?: AbortSignal) => json<Upload>(upload(id), { signal }),
  listUploads: () => everyPage<Upload>('/api/uploads'),
  signParts: (id: string, numbers: number[], signal?: AbortSignal) =>
    json<{ parts: SignedPart[] }>(upload(id, '/parts/sign'), {
      method: 'POST',
      body: { part_numbers: numbers },
      signal,
    }).then((answer) => answer.parts),
  putSigned: (part: SignedPart, body: Blob, onBytes: OnBytes, signal: AbortSignal) =>
    putSigned({ url: part.url, headers: part.headers, body, onBytes, signal }),
  putPart: async (
    id: string,
    n: number,
    body: Blob,
    onBytes: OnBytes,
    signal: AbortSignal,
  ): Promise<Upload> => {
    const headers = { 'Content-Type': 'application/octet-stream', Accept: 'application/json' };
    const answer = await putBytes({
      url: upload(id, `/parts/${n}`),
      headers,
      body,
      onBytes,
      signal,
    });
    if (answer.status < 200 || answer.status >= 300)
      throw problemFrom(answer.status, answer.text, answer.header('Retry-After'));
    return JSON.parse(answer.text) as Upload;
  },
  reportPart: (id: string, n: number, signal?: AbortSignal) =>
    json<Upload>(upload(id, `/parts/${n}`), { method: 'POST', body: {}, signal }),
  completeUpload: (id: string, signal?: AbortSignal) =>
    json<Upload>(upload(id, '/complete'), { method: 'POST', body: {}, signal }),
  deleteUpload: (id: string) => json<undefined>(upload(id), { method: 'DELETE' }),

  createConversion: (uploadId: string, choice: Choice, key: string) =>
    json<Conversion>('/api/conversions', {
      method: 'POST',
      body: { upload_id: uploadId, ...choice },
      headers: { 'Idempotency-Key': key },
    }),
  getConversion: (id: string) => json<Conversion>(conversion(id)),
  listConversions: () => everyPage<Conversion>('/api/conversions'),
  cancelConversion: (id: string) =>
    json<unknown>(conversion(id, '/cancel'), { method: 'POST', body: {} }),
  deleteConversion: (id: string) => json<undefined>(conversion(id), { method: 'DELETE' }),

  progress: async (id: string, etag?: string): Promise<Polled> => {
    const response = await ask(`/api/progress/${encodeURIComponent(id)}`, {
      headers: etag ? { 'If-None-Match': etag } : {},
    });
    if (response.status === 304) return { state: 'same' };
    if (response.status === 404 || response.status === 410) return { state: 'gone' };
    if (!response.ok)
      throw problemFrom(
        response.status,
        await response.text(),
        response.headers.get('Retry-After'),
      );
    return {
      state: 'new',
      progress: (await response.json()) as Progress,
      etag: response.headers.get('ETag') ?? undefined,
    };
  },
  /** The browser itself remembers the last event id and sends it when it reconnects. */
  events: () => new EventSource('/api/progress/events'),
};

export type Api = typeof api;

/** Plain links, so that the browser's own download and player do the work. */
export const downloadUrl = (id: string, inline = false) =>
  conversion(id, `/download${inline ? '?inline=1' : ''}`);
