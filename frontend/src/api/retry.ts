import type { Environment } from '../lib/environment';
import { HttpError, NetworkError } from './errors';

const BASE_DELAY_MS = 400;
const MAX_DELAY_MS = 30_000;
/** Delay while the device is offline. The browser's `online` event ends it at once. */
const OFFLINE_DELAY_MS = 15_000;
/** Nobody waits longer: a limit for an hour ends within it, and one for a day does not. */
const MAX_PAUSE_MS = 3_605_000;
/** Error responses to one request after which the user is told. */
export const MAX_ERROR_RESPONSES = 8;

/** Reason for a pause between retries: no answer at all, or an error response. */
export type WaitReason = 'network' | 'server';

/** Return true for statuses that may differ on the next attempt. */
export const isRetryableStatus = (status: number) =>
  status === 408 || status === 425 || status === 429 || status >= 500;

/**
 * Return the delay before the next attempt, in milliseconds.
 *
 * The delay grows exponentially. Half of it is random, so that parallel requests do not retry at
 * the same time. It is never shorter than the server's Retry-After.
 */
export function backoffDelayMs(
  failures: number,
  environment: Pick<Environment, 'random' | 'isOnline'>,
  error?: unknown,
): number {
  if (error instanceof NetworkError && !environment.isOnline()) return OFFLINE_DELAY_MS;
  const ceiling = Math.min(MAX_DELAY_MS, BASE_DELAY_MS * 2 ** (failures - 1));
  const delay = ceiling / 2 + (ceiling / 2) * environment.random();
  const retryAfter = error instanceof HttpError ? error.retryAfterMs : undefined;
  return retryAfter === undefined
    ? delay
    : Math.max(retryAfter + 250 * environment.random(), delay);
}

export interface RetryOptions {
  environment: Environment;
  signal: AbortSignal;
  /** Time of the environment's clock at which `signal` is aborted, if that is known. */
  deadline?: number;
  /** Called with the reason before each pause, and with undefined after the answer. */
  onWaiting?: (reason: WaitReason | undefined) => void;
}

/**
 * Repeat a request until it is answered.
 * While there is no network, the request is repeated without limit. A service that answers with
 * retryable errors gets MAX_ERROR_RESPONSES attempts. Any other error is thrown at once. The
 * request is also tried while the browser reports that it is offline, because a service on this
 * machine needs no network.
 *
 * The last error is thrown when `signal` is aborted. An error response whose pause would outlast
 * `deadline`, or take longer than an hour, is thrown at once.
 */
export async function withRetries<T>(
  request: () => Promise<T>,
  { environment, signal, deadline = Infinity, onWaiting }: RetryOptions,
): Promise<T> {
  let errorResponses = 0;
  for (let failures = 1; ; failures++) {
    try {
      const answer = await request();
      onWaiting?.(undefined);
      return answer;
    } catch (error) {
      if (signal.aborted) throw error;
      if (error instanceof NetworkError) {
        onWaiting?.('network');
      } else if (error instanceof HttpError && isRetryableStatus(error.status)) {
        if (++errorResponses >= MAX_ERROR_RESPONSES) throw error;
        onWaiting?.('server');
      } else {
        throw error;
      }
      const delay = backoffDelayMs(failures, environment, error);
      const longest = Math.min(MAX_PAUSE_MS, deadline - environment.now());
      if (error instanceof HttpError && delay > longest) throw error;
      await environment.sleep(delay, signal).catch(() => {
        throw error;
      });
    }
  }
}
