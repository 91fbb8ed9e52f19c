import { HttpError, NetworkError } from './errors';
import type { World } from '../lib/environment';

const FIRST_MS = 400;
const LONGEST_MS = 30_000;
/** While the device is offline we only knock now and then: the `online` event ends the wait at once. */
const OFFLINE_MS = 15_000;
/** A service that refuses this often in a row is broken, and the person should know. */
export const MAX_REFUSALS = 8;

/** Why nothing moves at the moment: nobody answers, or somebody asked us to wait. */
export type Waiting = 'network' | 'server';

/** Statuses that may be different a moment later. */
export const isTemporary = (status: number) =>
  status === 408 || status === 425 || status === 429 || status >= 500;

/** Exponential, half of it random so that four lanes do not knock together, and never sooner than asked. */
export function backOffMs(
  failures: number,
  world: Pick<World, 'random' | 'online'>,
  error?: unknown,
): number {
  if (error instanceof NetworkError && !world.online()) return OFFLINE_MS;
  const full = Math.min(LONGEST_MS, FIRST_MS * 2 ** (failures - 1));
  const own = full / 2 + (full / 2) * world.random();
  const asked = error instanceof HttpError ? error.retryAfterMs : undefined;
  return asked === undefined ? own : Math.max(asked + 250 * world.random(), own);
}

export interface Persistence {
  world: World;
  signal: AbortSignal;
  onWait?: (why: Waiting | undefined) => void;
}

/**
 * Repeats one request until it is answered. A missing network is waited for without limit, a service in
 * trouble gets MAX_REFUSALS tries, and a refusal that will not change (4xx) is thrown at once.
 * The browser's word for "offline" is never taken alone: a service on this machine answers without network.
 */
export async function persist<T>(
  request: () => Promise<T>,
  { world, signal, onWait }: Persistence,
): Promise<T> {
  for (let failures = 1, refusals = 0; ; failures++) {
    try {
      const answer = await request();
      onWait?.(undefined);
      return answer;
    } catch (error) {
      if (signal.aborted) throw error;
      if (error instanceof NetworkError) onWait?.('network');
      else if (error instanceof HttpError && isTemporary(error.status) && ++refusals < MAX_REFUSALS)
        onWait?.('server');
      else throw error;
      await world.sleep(backOffMs(failures, world, error), signal);
    }
  }
}
