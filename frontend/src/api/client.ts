import type { ConversionSettings } from '../features/conversion/conversionSettings';
import { openSharedStream } from '../live/sharedEventStream';
import { ApiError, NetworkError } from './errors';
import { putBytes, putToStorage, retryAfterMs } from './transport';
import type {
  Conversion,
  CreateConversionRequest,
  Download,
  FieldError,
  Formats,
  Problem,
  Progress,
  ReportPartsRequest,
  SignPartsRequest,
  SignedPart,
  SignedParts,
  StartUploadRequest,
  Upload,
  UploadLimits,
  UploadList,
} from './types';

const REQUEST_TIMEOUT_MS = 20_000;
/** Limit for a listing, so that a wrong cursor cannot make the page send requests forever. */
const MAX_PAGES = 20;

export type PollResult =
  | { state: 'unchanged' }
  | { state: 'deleted' }
  | { state: 'changed'; progress: Progress; etag?: string };
export type OnBytesSent = (bytes: number) => void;

interface RequestOptions {
  method?: string;
  body?: unknown;
  headers?: Record<string, string>;
  signal?: AbortSignal;
}

/** Create an error from an error response, whatever its body is. Never throws. */
export function toApiError(status: number, text: string, retryAfter: string | null): ApiError {
  let body: { [field in keyof Problem]?: unknown } = {};
  try {
    const parsed: unknown = JSON.parse(text);
    if (parsed && typeof parsed === 'object') body = parsed;
  } catch {
    // A gateway in front of the service answers in HTML. Only its status is known then.
  }
  const field = (name: keyof Problem) => {
    const value = body[name];
    return typeof value === 'string' ? value : undefined;
  };
  const detail =
    field('detail') ??
    field('title') ??
    `The service answered with an error (${status}). Try again in a moment.`;
  return new ApiError(
    status,
    field('code') ?? `http_${status}`,
    [detail, ...fieldErrors(body.errors)].join(' '),
    retryAfterMs(retryAfter),
    Array.isArray(body.missing_parts) ? (body.missing_parts as number[]) : undefined,
  );
}

function fieldErrors(errors: unknown): string[] {
  if (!Array.isArray(errors)) return [];
  return (errors as Partial<FieldError>[])
    .map((error) => [error.field, error.message].filter(Boolean).join(': '))
    .filter(Boolean);
}

async function send(
  path: string,
  { method = 'GET', body, headers, signal }: RequestOptions = {},
): Promise<Response> {
  const timeout = AbortSignal.timeout(REQUEST_TIMEOUT_MS);
  const hasBody = body !== undefined;
  try {
    return await fetch(path, {
      method,
      credentials: 'same-origin',
      cache: 'no-store',
      // A deletion is sent even if the page is closed.
      keepalive: method === 'DELETE',
      signal: signal ? AbortSignal.any([signal, timeout]) : timeout,
      headers: {
        Accept: 'application/json',
        ...(hasBody ? { 'Content-Type': 'application/json' } : {}),
        ...headers,
      },
      ...(hasBody ? { body: JSON.stringify(body) } : {}),
    });
  } catch {
    throw new NetworkError(`${method} ${path} got no answer`);
  }
}

async function requestJson<T>(path: string, options?: RequestOptions): Promise<T> {
  const response = await send(path, options);
  const text = await response.text().catch(() => {
    throw new NetworkError(`the answer to ${path} is incomplete`);
  });
  if (!response.ok) {
    throw toApiError(response.status, text, response.headers.get('Retry-After'));
  }
  return (text ? JSON.parse(text) : undefined) as T;
}

async function fetchAllPages<T>(
  path: string,
  onPage: (page: unknown) => void = () => undefined,
): Promise<T[]> {
  const items: T[] = [];
  let next: string | null = null;
  for (let page = 0; page < MAX_PAGES; page++) {
    const url = next ? `${path}?next=${encodeURIComponent(next)}` : path;
    const answer: { items: T[]; next: string | null } = await requestJson(url);
    items.push(...answer.items);
    onPage(answer);
    next = answer.next;
    if (!next) break;
  }
  return items;
}

const uploadUrl = (id: string, rest = '') => `/api/uploads/${encodeURIComponent(id)}${rest}`;
const conversionUrl = (id: string, rest = '') =>
  `/api/conversions/${encodeURIComponent(id)}${rest}`;

/** Call the services. Each method is one request of the HTTP contract. */
export const apiClient = {
  listFormats: async () => {
    const answer = await requestJson<Formats>('/api/formats');
    return answer.formats;
  },

  createUpload: (body: StartUploadRequest, idempotencyKey: string) => {
    const headers = { 'Idempotency-Key': idempotencyKey };
    return requestJson<Upload>('/api/uploads', { method: 'POST', body, headers });
  },
  getUpload: (id: string, signal?: AbortSignal) => requestJson<Upload>(uploadUrl(id), { signal }),
  listUploads: () => fetchAllPages<Upload>('/api/uploads'),
  /** Return the uploads, and the limits that the service states beside them. */
  listUploadsWithLimits: async () => {
    let limits: UploadLimits | undefined;
    const onPage = (page: unknown) => (limits = (page as UploadList).limits);
    const uploads = await fetchAllPages<Upload>('/api/uploads', onPage);
    return { uploads, limits };
  },
  signParts: async (id: string, partNumbers: number[], signal?: AbortSignal) => {
    const body: SignPartsRequest = { part_numbers: partNumbers };
    const answer = await requestJson<SignedParts>(uploadUrl(id, '/parts/sign'), {
      method: 'POST',
      body,
      signal,
    });
    return answer.parts;
  },
  putPartToStorage: (part: SignedPart, body: Blob, onBytesSent: OnBytesSent, signal: AbortSignal) =>
    putToStorage({ url: part.url, headers: part.headers, body, onBytesSent, signal }),
  putPartToService: async (
    id: string,
    partNumber: number,
    body: Blob,
    onBytesSent: OnBytesSent,
    signal: AbortSignal,
  ): Promise<Upload> => {
    const response = await putBytes({
      url: uploadUrl(id, `/parts/${partNumber}`),
      headers: { 'Content-Type': 'application/octet-stream', Accept: 'application/json' },
      body,
      onBytesSent,
      signal,
    });
    if (response.status < 200 || response.status >= 300) {
      throw toApiError(response.status, response.text, response.header('Retry-After'));
    }
    return JSON.parse(response.text) as Upload;
  },
  reportParts: (id: string, partNumbers: number[], signal?: AbortSignal) => {
    const body: ReportPartsRequest = { part_numbers: partNumbers };
    return requestJson<Upload>(uploadUrl(id, '/parts'), { method: 'POST', body, signal });
  },
  completeUpload: (id: string, signal?: AbortSignal) =>
    requestJson<Upload>(uploadUrl(id, '/complete'), { method: 'POST', body: {}, signal }),
  deleteUpload: (id: string) => requestJson<undefined>(uploadUrl(id), { method: 'DELETE' }),

  createConversion: (uploadId: string, settings: ConversionSettings, idempotencyKey: string) => {
    const body: CreateConversionRequest = { upload_id: uploadId, ...settings };
    const headers = { 'Idempotency-Key': idempotencyKey };
    return requestJson<Conversion>('/api/conversions', { method: 'POST', body, headers });
  },
  getConversion: (id: string) => requestJson<Conversion>(conversionUrl(id)),
  listConversions: () => fetchAllPages<Conversion>('/api/conversions'),
  /** Ask for a new URL of a result. An earlier one may have expired. */
  getDownload: (id: string) => requestJson<Download>(conversionUrl(id, '/download')),
  cancelConversion: (id: string) =>
    requestJson<unknown>(conversionUrl(id, '/cancel'), { method: 'POST', body: {} }),
  deleteConversion: (id: string) => requestJson<undefined>(conversionUrl(id), { method: 'DELETE' }),

  /** Ask for the progress of an upload or a conversion if it changed since `etag`. */
  getProgress: async (id: string, etag?: string): Promise<PollResult> => {
    const response = await send(`/api/progress/${encodeURIComponent(id)}`, {
      headers: etag ? { 'If-None-Match': etag } : {},
    });
    if (response.status === 304) return { state: 'unchanged' };
    if (response.status === 404 || response.status === 410) return { state: 'deleted' };
    if (!response.ok) {
      const retryAfter = response.headers.get('Retry-After');
      throw toApiError(response.status, await response.text(), retryAfter);
    }
    const progress = (await response.json()) as Progress;
    return { state: 'changed', progress, etag: response.headers.get('ETag') ?? undefined };
  },
  /** Open the event stream of this session. The browser sends Last-Event-ID on reconnection. */
  openEventStream: () => openSharedStream(() => new EventSource('/api/progress/events')),
};

export type ApiClient = typeof apiClient;

/** Return the link for a download, or for the audio player if `inline` is true. */
export const downloadUrl = (conversionId: string, inline = false) =>
  conversionUrl(conversionId, `/download${inline ? '?inline=1' : ''}`);
