import { asSent, t } from '../i18n';
import { en } from '../i18n/en';
import type { Failure, Problem, Warning } from './types';

/**
 * The part of a problem that the page shows: its code and a sentence for the user. `reason` tells
 * apart the meanings of a code that has several.
 */
export type ProblemSummary = Pick<Problem, 'code' | 'detail'> & Pick<Failure, 'reason'>;

/** Raised when a request gets no response: no network, DNS failure, refused by CORS, timeout. */
export class NetworkError extends Error {
  override name = 'NetworkError';
}

/** Raised when the response is not a success. `status` shows whether a retry can help. */
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

/** Raised when a service responds with problem details (RFC 9457). */
export class ApiError extends HttpError {
  override name = 'ApiError';
  constructor(
    status: number,
    readonly code: string,
    detail: string,
    retryAfterMs?: number,
    /** Part numbers that are missing when an upload is completed. */
    readonly missingParts?: number[],
    readonly reason?: string,
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
  'too_many_conversions',
  'unsupported_codec',
  'upload_closed',
  'upload_expired',
  'upload_not_found',
  'worker_lost',
]);

/** Return true if the same attempt may succeed later. */
export const canRetry = (problem: ProblemSummary | undefined) =>
  !problem || !FINAL_CODES.has(problem.code);

/** A sentence for the user, and its language if that is not the language of the page. */
export interface Description {
  text: string;
  lang?: string;
}

/** Return the catalogue's key of a meaning: the code, and the reason if the code has several. */
const keyOf = ({ code, reason }: { code: string; reason?: string }) =>
  reason ? `${code}/${reason}` : code;

/** Return the sentence about a problem in the language of the page, or else as it was sent. */
export function describeProblem({ code, detail, reason }: ProblemSummary): Description {
  const own = t.problems[keyOf({ code, reason })];
  if (own) return { text: own };
  const advice = t.advice[keyOf({ code, reason })];
  return asSent(advice ? `${detail} ${advice}` : detail);
}

/** Return the sentence about a warning in the language of the page, or else as it was sent. */
export function describeWarning({ code, detail, reason }: Warning): Description {
  const own = t.warnings[keyOf({ code, reason })];
  return own ? { text: own } : asSent(detail);
}

/** Return a problem that the page itself has found. */
export const ownProblem = (code: string): ProblemSummary => ({ code, detail: en.problems[code]! });

/** Return the code and the sentence that the page shows for an error. */
export function toProblem(error: unknown): ProblemSummary {
  if (error instanceof ApiError) {
    const { code, message, reason } = error;
    return reason ? { code, detail: message, reason } : { code, detail: message };
  }
  if (error instanceof FileChangedError) return ownProblem('file_changed');
  if (error instanceof NetworkError) return ownProblem('network');
  return ownProblem(error instanceof StorageError ? 'storage' : 'unexpected');
}
