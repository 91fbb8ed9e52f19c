/** Everything that can go wrong on the way to a service or to storage, told apart by what helps against it. */

/** No answer at all: no network, a name that does not resolve, a refused cross-origin call, a time-out. */
export class NetworkError extends Error {
  override name = 'NetworkError';
}

/** An answer that is not a success. `status` decides whether another try can help. */
export class HttpError extends Error {
  override name = 'HttpError';
  constructor(
    readonly status: number,
    message: string,
    /** How long the server asked us to stay away, in milliseconds. */
    readonly retryAfterMs?: number,
  ) {
    super(message);
  }
}

/** Storage refused a presigned request; its body is XML for machines and is not shown to anybody. */
export class StorageError extends HttpError {
  override name = 'StorageError';
}

/** A service answered with problem details (RFC 9457). */
export class ApiError extends HttpError {
  override name = 'ApiError';
  constructor(
    status: number,
    readonly code: string,
    detail: string,
    retryAfterMs?: number,
    /** Which parts `complete` did not find. */
    readonly missingParts?: number[],
  ) {
    super(status, detail, retryAfterMs);
  }
}

/** The bytes on the person's disk are not the ones that we started with. */
export class FileChangedError extends Error {
  override name = 'FileChangedError';
}

/** The words that a person sees for an error, with a code that tests and support can use. */
export function inWords(error: unknown): { code: string; detail: string } {
  if (error instanceof ApiError) return { code: error.code, detail: error.message };
  if (error instanceof FileChangedError) return { code: 'file_changed', detail: error.message };
  if (error instanceof NetworkError)
    return {
      code: 'network',
      detail: 'TinyPixo could not be reached. Check the connection and try again.',
    };
  if (error instanceof StorageError)
    return {
      code: 'storage',
      detail: `The storage did not take the file (answer ${error.status}). Try again in a moment.`,
    };
  return {
    code: 'unexpected',
    detail: 'Something unexpected went wrong in this page. Reload it; your files are kept.',
  };
}
