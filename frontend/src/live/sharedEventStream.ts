import { acquireWebLock, type AcquireLock } from '../storage/locks';
import type { EventStream } from './liveUpdates';

const CHANNEL = 'tinypixo:events';
const LOCK = 'events';
const EVENT_TYPES = ['progress', 'removed'];
/** Items whose last event is kept for tabs that open later. */
const MAX_REMEMBERED = 1_000;
const [CONNECTING, OPEN, CLOSED] = [0, 1, 2];

type Message =
  | { kind: 'hello' | 'open' | 'error' }
  | { kind: 'event'; type: string; data: string; lastEventId: string };

/**
 * One event stream for all tabs of a browser.
 *
 * A browser opens only six HTTP/1.1 connections to a host, so that with a stream in each tab the
 * seventh tab gets none. The tab that holds the Web Lock opens the stream, and passes every event
 * on by BroadcastChannel. When that tab closes, the browser gives the lock to another one.
 */
export class SharedEventStream implements EventStream {
  onopen: EventStream['onopen'] = null;
  onerror: EventStream['onerror'] = null;
  readyState = CONNECTING;
  private readonly channel = new BroadcastChannel(CHANNEL);
  private readonly listeners = new Map<string, (event: MessageEvent) => void>();
  private readonly lastEvents = new Map<string, Message>();
  private source: EventStream | undefined;
  private releaseLock: (() => void) | undefined;

  constructor(
    private readonly openSource: () => EventStream,
    acquireLock: AcquireLock = acquireWebLock,
  ) {
    this.channel.onmessage = ({ data }: MessageEvent<Message>) => this.receive(data);
    this.channel.postMessage({ kind: 'hello' } satisfies Message);
    void acquireLock(LOCK, true).then((release) => {
      if (this.readyState === CLOSED) return release?.();
      this.releaseLock = release;
      this.lead();
    });
  }

  addEventListener(type: string, listener: (event: MessageEvent) => void): void {
    this.listeners.set(type, listener);
  }

  close(): void {
    this.readyState = CLOSED;
    this.source?.close();
    this.channel.close();
    this.releaseLock?.();
  }

  /** Open the stream itself, and pass its events on to the other tabs. */
  private lead(): void {
    const source = (this.source = this.openSource());
    source.onopen = () => this.share({ kind: 'open' });
    source.onerror = () => this.share({ kind: 'error' });
    for (const type of EVENT_TYPES) {
      source.addEventListener(type, ({ data, lastEventId }) => {
        const message: Message = { kind: 'event', type, data: data as string, lastEventId };
        this.remember(message, lastEventId.split(':')[0]!);
        this.share(message);
      });
    }
  }

  private share(message: Message): void {
    this.channel.postMessage(message);
    this.apply(message, this.source);
  }

  private receive(message: Message): void {
    if (message.kind !== 'hello') return this.apply(message);
    if (!this.source || this.readyState !== OPEN) return;
    this.channel.postMessage({ kind: 'open' } satisfies Message);
    for (const each of this.lastEvents.values()) this.channel.postMessage(each);
  }

  private apply(message: Message, source?: EventStream): void {
    if (this.readyState === CLOSED) return;
    if (message.kind === 'open') {
      this.readyState = OPEN;
      this.onopen?.(new Event('open'));
    } else if (message.kind === 'error') {
      this.readyState = source?.readyState ?? CONNECTING;
      this.onerror?.(new Event('error'));
    } else if (message.kind === 'event') {
      const { type, data, lastEventId } = message;
      this.listeners.get(type)?.(new MessageEvent(type, { data, lastEventId }));
    }
  }

  private remember(message: Message, itemId: string): void {
    this.lastEvents.delete(itemId);
    this.lastEvents.set(itemId, message);
    const oldest = this.lastEvents.keys().next().value;
    if (this.lastEvents.size > MAX_REMEMBERED && oldest) this.lastEvents.delete(oldest);
  }
}

/** Open the shared stream, or one of this tab where the browser has no BroadcastChannel. */
export function openSharedStream(openSource: () => EventStream): EventStream {
  const canShare = 'BroadcastChannel' in globalThis && Boolean(navigator.locks);
  return canShare ? new SharedEventStream(openSource) : openSource();
}
