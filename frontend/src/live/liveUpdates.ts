import type { Polled } from '../api/client';
import { NetworkError } from '../api/errors';
import type { Progress } from '../api/types';

export type Connection = 'live' | 'polling' | 'offline';

/** The service closes a stream every two minutes and the browser is back within a second: no reason to say anything. */
const GRACE_MS = 4_000;
const POLL_MS = 2_000;
const LONGEST_POLL_MS = 15_000;
/** A proxy can hold a stream open and keep its events back. Silence for this long is checked by a question. */
const QUIET_MS = 12_000;
/** News that only questions brought, this many times in a row: the stream is mute. */
const MUTE = 2;
const RECONNECT_MS = 1_000;
const LONGEST_RECONNECT_MS = 30_000;

/** The part of EventSource that is used here. */
export interface Events {
  readonly readyState: number;
  onopen: ((event: Event) => void) | null;
  onerror: ((event: Event) => void) | null;
  addEventListener(type: string, listener: (event: MessageEvent) => void): void;
  close(): void;
}
const CLOSED = 2;

export interface LiveOptions {
  open: () => Events;
  poll: (id: string, etag?: string) => Promise<Polled>;
  /** What is worth asking about: everything that is not final. */
  active: () => string[];
  /** Answers whether this was news. */
  onProgress: (progress: Progress) => boolean;
  onRemoved: (id: string) => void;
  onConnection: (connection: Connection) => void;
  /** Any small request: fails with NetworkError when there is no way to the service. */
  probe: () => Promise<unknown>;
  /** Called with each round of polling, for things that nobody has told us about yet. */
  onPoll?: () => Promise<void>;
}

/** One event stream for the whole page, and questions behind it for as long as it fails. */
export class Live {
  private source: Events | undefined;
  private connection: Connection | undefined;
  private etags = new Map<string, string>();
  private failures = 0;
  private pollFailures = 0;
  private onlyByAsking = 0;
  private stopped = true;
  private grace: Timer;
  private reconnect: Timer;
  private next: Timer;

  constructor(private readonly options: LiveOptions) {}

  start(): void {
    this.stopped = false;
    this.connect();
    this.schedule(QUIET_MS);
  }

  stop(): void {
    this.stopped = true;
    this.source?.close();
    [this.grace, this.reconnect, this.next].forEach(clearTimeout);
  }

  /** The network is back, or the page is looked at again: no need to wait for the next try. */
  wake(): void {
    if (!this.stopped && this.connection !== 'live') this.connect();
  }

  /**
   * The system says that the network is gone. A dead connection shows itself only after minutes, and a service
   * on this machine needs no network: so ask.
   */
  async doubt(): Promise<void> {
    try {
      await this.options.probe();
    } catch (error) {
      if (!(error instanceof NetworkError) || this.stopped) return;
      this.source?.close();
      this.say('offline');
      this.reconnectLater();
      this.schedule(POLL_MS);
    }
  }

  private connect(): void {
    clearTimeout(this.reconnect);
    this.source?.close();
    const source = (this.source = this.options.open());
    this.awaitOpening();
    source.onopen = () => {
      this.failures = 0;
      this.heard();
    };
    source.onerror = () => {
      if (source !== this.source || this.stopped) return;
      this.awaitOpening();
      // The browser reconnects by itself, with Last-Event-ID, unless the answer was an error: then it gives up.
      if (source.readyState === CLOSED) this.reconnectLater();
    };
    source.addEventListener('progress', (event) => {
      this.heard();
      const progress = parse(event.data) as Progress | undefined;
      if (progress?.id) this.options.onProgress(progress);
    });
    source.addEventListener('removed', (event) => {
      this.heard();
      const id =
        (parse(event.data) as { id?: string } | undefined)?.id ?? event.lastEventId.split(':')[0];
      if (id) this.options.onRemoved(id);
    });
  }

  private heard(): void {
    clearTimeout(this.grace);
    this.grace = undefined;
    this.onlyByAsking = 0;
    this.say('live');
    this.schedule(QUIET_MS);
  }

  private awaitOpening(): void {
    this.grace ??= setTimeout(() => {
      this.grace = undefined;
      this.say(this.connection === 'offline' ? 'offline' : 'polling');
      this.schedule(0);
    }, GRACE_MS);
  }

  private reconnectLater(): void {
    clearTimeout(this.reconnect);
    const delay = Math.min(LONGEST_RECONNECT_MS, RECONNECT_MS * 2 ** this.failures++);
    this.reconnect = setTimeout(() => this.connect(), delay * (0.75 + Math.random() / 2));
  }

  private schedule(ms: number): void {
    clearTimeout(this.next);
    this.next = setTimeout(() => void this.askAll(), ms);
  }

  private async askAll(): Promise<void> {
    let news = false;
    try {
      const ids = this.options.active();
      for (const id of ids) news = (await this.ask(id)) || news;
      if (this.connection !== 'live' && ids.length === 0) await this.options.probe();
      if (this.connection !== 'live') await this.options.onPoll?.();
      this.pollFailures = 0;
      if (this.connection !== 'live') this.say('polling');
    } catch (error) {
      this.pollFailures++;
      if (error instanceof NetworkError && this.connection !== 'live') this.say('offline');
    }
    if (this.stopped) return;
    if (this.connection === 'live') {
      this.onlyByAsking = news ? this.onlyByAsking + 1 : this.onlyByAsking;
      if (this.onlyByAsking < MUTE) return this.schedule(QUIET_MS);
      this.say('polling');
      this.source?.close();
      this.reconnectLater();
    }
    this.schedule(Math.min(LONGEST_POLL_MS, POLL_MS * 2 ** this.pollFailures));
  }

  private async ask(id: string): Promise<boolean> {
    const answer = await this.options.poll(id, this.etags.get(id));
    if (this.stopped || answer.state === 'same') return false;
    if (answer.state === 'gone') {
      this.etags.delete(id);
      this.options.onRemoved(id);
      return false;
    }
    if (answer.etag) this.etags.set(id, answer.etag);
    return this.options.onProgress(answer.progress);
  }

  private say(connection: Connection): void {
    if (connection === this.connection || this.stopped) return;
    this.connection = connection;
    this.options.onConnection(connection);
  }
}

type Timer = ReturnType<typeof setTimeout> | undefined;

function parse(data: unknown): unknown {
  try {
    return typeof data === 'string' ? JSON.parse(data) : undefined;
  } catch {
    return undefined;
  }
}
