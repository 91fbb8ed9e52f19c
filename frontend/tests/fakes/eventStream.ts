import type { EventStream } from '../../src/live/liveUpdates';

/** An EventSource whose events are sent by the test. */
export class FakeEventStream implements EventStream {
  /** All streams that the page has opened, oldest first. */
  static opened: FakeEventStream[] = [];
  readyState: number = 0;
  onopen: ((event: Event) => void) | null = null;
  onerror: ((event: Event) => void) | null = null;
  private readonly listeners = new Map<string, (event: MessageEvent) => void>();

  constructor() {
    FakeEventStream.opened.push(this);
  }

  addEventListener(type: string, listener: (event: MessageEvent) => void): void {
    this.listeners.set(type, listener);
  }

  close(): void {
    this.readyState = 2;
  }

  open(): void {
    this.readyState = 1;
    this.onopen?.({} as Event);
  }

  /** Lose the connection. The browser reconnects by itself. */
  loseConnection(): void {
    this.readyState = 0;
    this.onerror?.({} as Event);
  }

  /** Answer with an error. The browser does not reconnect. */
  refuse(): void {
    this.readyState = 2;
    this.onerror?.({} as Event);
  }

  send(type: string, data: unknown, lastEventId = ''): void {
    const text = typeof data === 'string' ? data : JSON.stringify(data);
    this.listeners.get(type)?.({ data: text, lastEventId } as MessageEvent);
  }
}
