import type { PollResult } from '../api/client';
import { NetworkError } from '../api/errors';
import type { Progress } from '../api/types';

export type Connection = 'live' | 'polling' | 'offline';

/**
 * Time for a stream to open before polling starts.
 *
 * The service closes a stream every 100 s (TINYPIXO_STREAM_LIFETIME), and the browser opens the
 * next one in a second.
 */
const GRACE_PERIOD_MS = 4_000;
const POLL_INTERVAL_MS = 2_000;
const MAX_POLL_INTERVAL_MS = 15_000;
/** Silence after which an open stream is checked by polling: a proxy may hold its events back. */
const SILENCE_CHECK_MS = 12_000;
/** Successive polls with changes that the stream did not send, after which it counts as broken. */
const MAX_MISSED_UPDATES = 2;
/** Time in which the service must answer when a connection is in doubt. */
const PROBE_TIMEOUT_MS = 4_000;
/** Time in which it must answer a poll before "live" stops being true. */
const POLL_TIMEOUT_MS = 8_000;
const RECONNECT_DELAY_MS = 1_000;
const MAX_RECONNECT_DELAY_MS = 30_000;

/** The part of EventSource that is used here. */
export interface EventStream {
  readonly readyState: number;
  onopen: ((event: Event) => void) | null;
  onerror: ((event: Event) => void) | null;
  addEventListener(type: string, listener: (event: MessageEvent) => void): void;
  close(): void;
}
/** EventSource.CLOSED */
const CLOSED = 2;

export interface LiveUpdatesOptions {
  openStream: () => EventStream;
  poll: (id: string, etag?: string) => Promise<PollResult>;
  /** Returns the ids of all items that can still change. */
  activeIds: () => string[];
  /** Returns true if the progress was new. */
  onProgress: (progress: Progress) => boolean;
  onRemoved: (id: string) => void;
  onConnection: (connection: Connection) => void;
  /** Makes a small request. Rejects with NetworkError if the service cannot be reached. */
  probe: () => Promise<unknown>;
  /** Called with each poll while there is no stream, to find items that are still unknown. */
  onPoll?: () => Promise<void>;
}

/** Receive updates by one event stream for the whole page, and by polling while it fails. */
export class LiveUpdates {
  private stream: EventStream | undefined;
  private connection: Connection | undefined;
  private readonly etags = new Map<string, string>();
  private failedConnects = 0;
  private failedPolls = 0;
  private missedUpdates = 0;
  private isStopped = true;
  private graceTimer: Timer;
  private reconnectTimer: Timer;
  private pollTimer: Timer;

  constructor(private readonly options: LiveUpdatesOptions) {}

  start(): void {
    this.isStopped = false;
    this.connect();
    this.schedulePoll(SILENCE_CHECK_MS);
  }

  stop(): void {
    this.isStopped = true;
    this.stream?.close();
    [this.graceTimer, this.reconnectTimer, this.pollTimer].forEach(clearTimeout);
  }

  /** Connect without waiting for the next attempt, for example when the network is back. */
  reconnectNow(): void {
    if (!this.isStopped && this.connection !== 'live') this.connect();
  }

  /**
   * Ask the service if it can still be reached.
   *
   * Call this when an upload stalls or the browser reports that it is offline. That report alone
   * proves nothing: the browser notices a dead connection only after minutes, and a service on the
   * same machine needs no network.
   */
  async checkConnection(): Promise<void> {
    try {
      await withTimeout(this.options.probe(), PROBE_TIMEOUT_MS);
    } catch (error) {
      if (!(error instanceof NetworkError) || this.isStopped) return;
      this.dropConnection();
      this.schedulePoll(POLL_INTERVAL_MS);
    }
  }

  private dropConnection(): void {
    this.stream?.close();
    this.setConnection('offline');
    this.scheduleReconnect();
  }

  private connect(): void {
    clearTimeout(this.reconnectTimer);
    this.stream?.close();
    const stream = (this.stream = this.options.openStream());
    this.startGracePeriod();
    stream.onopen = () => {
      this.failedConnects = 0;
      this.markLive();
    };
    stream.onerror = () => {
      if (stream !== this.stream || this.isStopped) return;
      this.startGracePeriod();
      // The browser reconnects by itself, with Last-Event-ID, except after an error response.
      if (stream.readyState === CLOSED) this.scheduleReconnect();
    };
    stream.addEventListener('progress', (event) => {
      this.markLive();
      const progress = parseJson(event.data) as Progress | undefined;
      if (progress?.id) this.options.onProgress(progress);
    });
    stream.addEventListener('removed', (event) => {
      this.markLive();
      const data = parseJson(event.data) as { id?: string } | undefined;
      const id = data?.id ?? event.lastEventId.split(':')[0];
      if (id) this.options.onRemoved(id);
    });
  }

  private markLive(): void {
    clearTimeout(this.graceTimer);
    this.graceTimer = undefined;
    this.missedUpdates = 0;
    this.setConnection('live');
    this.schedulePoll(SILENCE_CHECK_MS);
  }

  private startGracePeriod(): void {
    this.graceTimer ??= setTimeout(() => {
      this.graceTimer = undefined;
      this.setConnection(this.connection === 'offline' ? 'offline' : 'polling');
      this.schedulePoll(0);
    }, GRACE_PERIOD_MS);
  }

  private scheduleReconnect(): void {
    clearTimeout(this.reconnectTimer);
    const exponential = RECONNECT_DELAY_MS * 2 ** this.failedConnects++;
    const delay = Math.min(MAX_RECONNECT_DELAY_MS, exponential) * (0.75 + Math.random() / 2);
    this.reconnectTimer = setTimeout(() => this.connect(), delay);
  }

  private schedulePoll(ms: number): void {
    clearTimeout(this.pollTimer);
    this.pollTimer = setTimeout(() => void this.pollAll(), ms);
  }

  private async pollAll(): Promise<void> {
    const { activeIds, probe, onPoll } = this.options;
    let foundChanges = false;
    try {
      const ids = activeIds();
      for (const id of ids) {
        if (await withTimeout(this.pollItem(id), POLL_TIMEOUT_MS)) foundChanges = true;
      }
      // An open stream proves nothing: a network that drops packets reports no error for minutes.
      if (ids.length === 0) await withTimeout(probe(), POLL_TIMEOUT_MS);
      if (this.connection !== 'live') await onPoll?.();
      this.failedPolls = 0;
      if (this.connection !== 'live') this.setConnection('polling');
    } catch (error) {
      this.failedPolls++;
      if (error instanceof NetworkError && !this.isStopped) {
        if (this.connection === 'live') this.dropConnection();
        else this.setConnection('offline');
      }
    }
    if (this.isStopped) return;
    if (this.connection === 'live') {
      if (foundChanges) this.missedUpdates++;
      if (this.missedUpdates < MAX_MISSED_UPDATES) return this.schedulePoll(SILENCE_CHECK_MS);
      this.setConnection('polling');
      this.stream?.close();
      this.scheduleReconnect();
    }
    const interval = POLL_INTERVAL_MS * 2 ** this.failedPolls;
    this.schedulePoll(Math.min(MAX_POLL_INTERVAL_MS, interval));
  }

  private async pollItem(id: string): Promise<boolean> {
    const result = await this.options.poll(id, this.etags.get(id));
    if (this.isStopped || result.state === 'unchanged') return false;
    if (result.state === 'deleted') {
      this.etags.delete(id);
      this.options.onRemoved(id);
      return false;
    }
    if (result.etag) this.etags.set(id, result.etag);
    return this.options.onProgress(result.progress);
  }

  private setConnection(connection: Connection): void {
    if (connection === this.connection || this.isStopped) return;
    this.connection = connection;
    this.options.onConnection(connection);
  }
}

type Timer = ReturnType<typeof setTimeout> | undefined;

async function withTimeout<T>(request: Promise<T>, ms: number): Promise<T> {
  let timer: Timer;
  const timeout = new Promise<never>((_, reject) => {
    const fail = () => reject(new NetworkError('no answer in time'));
    timer = setTimeout(fail, ms);
  });
  return Promise.race([request, timeout]).finally(() => clearTimeout(timer));
}

function parseJson(data: unknown): unknown {
  try {
    return typeof data === 'string' ? JSON.parse(data) : undefined;
  } catch {
    return undefined;
  }
}
