import type { Problem } from './types';

/** What the page shows of a problem: its code and a sentence for the user. */
export type ProblemSummary = Pick<Problem, 'code' | 'detail'>;

/** Raised when a request gets no answer: no network, DNS failure, refused by CORS, timeout. */
export class NetworkError extends Error {
  override name = 'NetworkError';
}

/** Raised when the answer is not a success. `status` decides if a retry can help. */
export class HttpError extends Error {
  override name = 'HttpError';
  constructor(
    readonly status: number,
    message: string,
    /** The server's Retry-After, in milliseconds. */
    readonly retryAfterMs?: number,
  ) {
    super(message);
  }
}

/** Raised when S3 refuses a presigned request. Its XML body is not shown to the user. */
export class StorageError extends HttpError {
  override name = 'StorageError';
}

/** Raised when a service answers with problem details (RFC 9457). */
export class ApiError extends HttpError {
  override name = 'ApiError';
  constructor(
    status: number,
    readonly code: string,
    detail: string,
    retryAfterMs?: number,
    /** Part numbers that are missing when an upload is completed. */
    readonly missingParts?: number[],
  ) {
    super(status, detail, retryAfterMs);
  }
}

/** Raised when the file on the user's disk was changed or moved during the upload. */
export class FileChangedError extends Error {
  override name = 'FileChangedError';
}

/** Return the code and the sentence that the page shows for an error. */
export function toProblem(error: unknown): ProblemSummary {
  if (error instanceof ApiError) return { code: error.code, detail: error.message };
  if (error instanceof FileChangedError) return { code: 'file_changed', detail: error.message };
  if (error instanceof NetworkError) {
    return {
      code: 'network',
      detail: 'TinyPixo cannot be reached. Check your connection and try again.',
    };
  }
  if (error instanceof StorageError) {
    return {
      code: 'storage',
      detail: `The storage refused the file (status ${error.status}). Try again in a moment.`,
    };
  }
  return {
    code: 'unexpected',
    detail: 'Something went wrong in this page. Reload it: your files are kept.',
  };
}
