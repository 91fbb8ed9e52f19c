import { NetworkError, StorageError } from './errors';

/** A PUT that makes no progress for this long is dead; mobile networks often do not say so themselves. */
const STALLED_MS = 60_000;
/** After the last byte the other side may still have to store the part. */
const ANSWER_MS = 120_000;
/** Set by the browser; trying to set them only fills the console with refusals. */
const BROWSERS_OWN = new Set(['host', 'content-length', 'connection', 'origin', 'user-agent']);

export interface Put {
  url: string;
  headers: Record<string, string>;
  body: Blob;
  onBytes: (sent: number) => void;
  signal: AbortSignal;
}

/** Sends bytes by XMLHttpRequest, because fetch cannot tell how many of them have left. */
export function putBytes({
  url,
  headers,
  body,
  onBytes,
  signal,
}: Put): Promise<{ status: number; text: string; header(name: string): string | null }> {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    let timer: ReturnType<typeof setTimeout> | undefined;
    const watch = (ms: number) => {
      clearTimeout(timer);
      timer = setTimeout(() => request.abort(), ms);
    };
    const stop = () => request.abort();
    const settle = (finish: () => void) => {
      clearTimeout(timer);
      signal.removeEventListener('abort', stop);
      finish();
    };
    request.upload.onprogress = (event) => {
      watch(event.loaded < body.size ? STALLED_MS : ANSWER_MS);
      onBytes(event.loaded);
    };
    request.onload = () =>
      settle(() =>
        resolve({
          status: request.status,
          text: request.responseText,
          header: (name) => request.getResponseHeader(name),
        }),
      );
    request.onerror = () => settle(() => reject(new NetworkError('no answer')));
    request.onabort = () => settle(() => reject(new NetworkError('stopped')));
    request.open('PUT', url);
    for (const [name, value] of Object.entries(headers)) {
      if (!BROWSERS_OWN.has(name.toLowerCase())) request.setRequestHeader(name, value);
    }
    if (signal.aborted) return settle(() => reject(new NetworkError('stopped')));
    signal.addEventListener('abort', stop);
    watch(STALLED_MS);
    request.send(body);
  });
}

/** To storage, by presigned URL. The ETag in the answer is not read: the service asks storage itself. */
export async function putSigned(put: Put): Promise<void> {
  const answer = await putBytes(put);
  if (answer.status < 200 || answer.status >= 300) {
    throw new StorageError(
      answer.status,
      'storage refused',
      retryAfterMs(answer.header('Retry-After')),
    );
  }
}

/** `Retry-After` is either seconds or a date. */
export function retryAfterMs(value: string | null, now = Date.now()): number | undefined {
  if (!value) return undefined;
  const seconds = Number(value);
  const ms = Number.isFinite(seconds) ? seconds * 1000 : Date.parse(value) - now;
  return Number.isNaN(ms) ? undefined : Math.max(0, ms);
}
