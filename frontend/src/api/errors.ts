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

/** Problems that another attempt cannot solve, by code. */
const FINAL_CODES = new Set([
  'conversion_not_found',
  'corrupt',
  'file_changed',
  'file_empty',
  'file_too_large',
  'filename_invalid',
  'gone',
  'no_audio_stream',
  'not_audio',
  'option_invalid',
  'too_large',
  'too_long',
  'unsupported_codec',
  'upload_closed',
  'upload_expired',
  'upload_not_found',
]);

/** What to do about a problem whose description does not say it. */
const ADVICE: Record<string, string> = {
  conversion_not_found: 'It has expired, or your session has ended. Add the file again.',
  corrupt: 'Try another copy of the file.',
  file_too_large: 'Choose a smaller file, or cut this one first.',
  gone: 'Convert the file again.',
  no_audio_stream: 'Choose a file that has sound.',
  option_invalid: 'Remove the file and add it again with other settings.',
  too_large: 'Choose a smaller format, or a shorter file.',
  too_long: 'Cut the file into shorter pieces first.',
  unsupported_codec: 'Save the file in another format first.',
  upload_closed: 'Add the file again.',
  upload_expired: 'Add the file again.',
  upload_not_found: 'It has expired, or your session has ended. Add the file again.',
};

/** Return true if the same attempt may succeed later. */
export const canRetry = (problem: ProblemSummary | undefined) =>
  !problem || !FINAL_CODES.has(problem.code);

/** Return the description of a problem with what to do about it. */
export function problemText({ code, detail }: ProblemSummary): string {
  const advice = ADVICE[code];
  return advice && !detail.includes(advice) ? `${detail} ${advice}` : detail;
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
