import { NetworkError, StorageError } from './errors';

/** Time without progress after which a PUT is given up. Mobile networks often report no error. */
const STALL_TIMEOUT_MS = 60_000;
/** Time for the answer after the last byte: the service may still have to store the part. */
const RESPONSE_TIMEOUT_MS = 120_000;
/** Headers that only the browser may set. Setting them logs an error on the console. */
const FORBIDDEN_HEADERS = new Set(['host', 'content-length', 'connection', 'origin', 'user-agent']);

export interface PutRequest {
  url: string;
  headers: Record<string, string>;
  body: Blob;
  onBytesSent: (bytes: number) => void;
  signal: AbortSignal;
}

export interface PutResponse {
  status: number;
  text: string;
  header(name: string): string | null;
}

/**
 * Send bytes by PUT and report upload progress.
 *
 * This uses XMLHttpRequest because fetch reports no upload progress.
 *
 * @throws NetworkError if there is no answer, or `signal` is aborted.
 */
export function putBytes({
  url,
  headers,
  body,
  onBytesSent,
  signal,
}: PutRequest): Promise<PutResponse> {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    let timer: ReturnType<typeof setTimeout> | undefined;
    const restartTimeout = (ms: number) => {
      clearTimeout(timer);
      timer = setTimeout(() => request.abort(), ms);
    };
    const abort = () => request.abort();
    const finish = (settle: () => void) => {
      clearTimeout(timer);
      signal.removeEventListener('abort', abort);
      settle();
    };
    request.upload.onprogress = (event) => {
      restartTimeout(event.loaded < body.size ? STALL_TIMEOUT_MS : RESPONSE_TIMEOUT_MS);
      onBytesSent(event.loaded);
    };
    request.onload = () =>
      finish(() =>
        resolve({
          status: request.status,
          text: request.responseText,
          header: (name) => request.getResponseHeader(name),
        }),
      );
    request.onerror = () => finish(() => reject(new NetworkError('no answer')));
    request.onabort = () => finish(() => reject(new NetworkError('aborted')));
    request.open('PUT', url);
    for (const [name, value] of Object.entries(headers)) {
      if (!FORBIDDEN_HEADERS.has(name.toLowerCase())) request.setRequestHeader(name, value);
    }
    if (signal.aborted) return finish(() => reject(new NetworkError('aborted')));
    signal.addEventListener('abort', abort);
    restartTimeout(STALL_TIMEOUT_MS);
    request.send(body);
  });
}

/**
 * Send bytes to S3 by a presigned URL.
 *
 * The ETag of the answer is not read: the upload service asks S3 for it.
 *
 * @throws StorageError if S3 refuses the request.
 */
export async function putToStorage(request: PutRequest): Promise<void> {
  const response = await putBytes(request);
  if (response.status < 200 || response.status >= 300) {
    const retryAfter = retryAfterMs(response.header('Retry-After'));
    throw new StorageError(response.status, 'refused by storage', retryAfter);
  }
}

/** Fetch a result from S3 by a presigned URL, or the rest of it from a position on. */
export async function getFromStorage(
  url: string,
  position = 0,
  signal?: AbortSignal,
): Promise<Response> {
  const headers = position > 0 ? { Range: `bytes=${position}-` } : undefined;
  const response = await fetch(url, { cache: 'no-store', headers, signal }).catch(() => {
    throw new NetworkError('no answer');
  });
  if (!response.ok) throw new StorageError(response.status, 'refused by storage');
  return response;
}

/** Parse a Retry-After header, which holds seconds or a date, into milliseconds. */
export function retryAfterMs(value: string | null, now = Date.now()): number | undefined {
  if (!value) return undefined;
  const seconds = Number(value);
  const ms = Number.isFinite(seconds) ? seconds * 1000 : Date.parse(value) - now;
  return Number.isNaN(ms) ? undefined : Math.max(0, ms);
}
