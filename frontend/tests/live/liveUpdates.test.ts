import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { PollResult } from '../../src/api/client';
import { ApiError, NetworkError } from '../../src/api/errors';
import type { Progress } from '../../src/api/types';
import { LiveUpdates, type Connection } from '../../src/live/liveUpdates';
import { aProgress } from '../fakes/documents';
import { FakeEventStream } from '../fakes/eventStream';

let connections: Connection[];
let received: Progress[];
let removedIds: string[];
let polls: [id: string, etag?: string][];
let pollResult: (id: string) => PollResult | Promise<PollResult>;
let probe: () => Promise<unknown>;
let liveUpdates: LiveUpdates;

const stream = () => FakeEventStream.opened.at(-1)!;
const seconds = (count: number) => vi.advanceTimersByTimeAsync(count * 1000);

beforeEach(() => {
  vi.useFakeTimers();
  FakeEventStream.opened = [];
  connections = [];
  received = [];
  removedIds = [];
  polls = [];
  pollResult = () => ({ state: 'unchanged' });
  probe = async () => undefined;
  liveUpdates = new LiveUpdates({
    openStream: () => new FakeEventStream(),
    poll: async (id, etag) => {
      polls.push([id, etag]);
      return pollResult(id);
    },
    activeIds: () => ['cnv_1'],
    onProgress: (progress) => received.push(progress) > 0,
    onRemoved: (id) => removedIds.push(id),
    onConnection: (connection) => connections.push(connection),
    probe: () => probe(),
  });
  liveUpdates.start();
});

afterEach(() => {
  liveUpdates.stop();
  vi.useRealTimers();
});

describe('events', () => {
  it('arrive for all items by one stream', () => {
    stream().open();
    stream().send('progress', aProgress());
    stream().send('progress', aProgress({ id: 'upl_1', kind: 'upload' }));
    expect(received.map(({ id }) => id)).toEqual(['cnv_1', 'upl_1']);
    expect(FakeEventStream.opened).toHaveLength(1);
    expect(connections).toEqual(['live']);
  });

  it('report removed items by their data or by the event id', () => {
    stream().open();
    stream().send('removed', { id: 'cnv_1' }, 'cnv_1:7');
    stream().send('removed', '', 'upl_9:3');
    expect(removedIds).toEqual(['cnv_1', 'upl_9']);
  });

  it('are ignored if they are not JSON', () => {
    stream().open();
    stream().send('progress', '<html>');
    expect(received).toEqual([]);
  });

  it('make polling unnecessary while they arrive', async () => {
    stream().open();
    for (let i = 0; i < 10; i++) {
      await seconds(5);
      stream().send('progress', aProgress({ version: 10 + i }));
    }
    expect(polls).toEqual([]);
  });
});

describe('reconnecting', () => {
  it('is left to the browser when a stream ends, because it sends Last-Event-ID', async () => {
    stream().open();
    stream().loseConnection();
    await seconds(2);
    stream().open();
    await seconds(8);
    expect(FakeEventStream.opened).toHaveLength(1);
    expect(connections).toEqual(['live']);
  });

  it('takes longer after each error response', async () => {
    stream().refuse();
    await seconds(1.5);
    expect(FakeEventStream.opened).toHaveLength(2);
    stream().refuse();
    await seconds(1.4);
    expect(FakeEventStream.opened).toHaveLength(2);
    await seconds(1.5);
    expect(FakeEventStream.opened).toHaveLength(3);
    stream().open();
    expect(connections.at(-1)).toBe('live');
  });

  it('happens at once when the network is back', async () => {
    stream().refuse();
    probe = pollResult = () => Promise.reject(new NetworkError('no network'));
    await seconds(20);
    expect(connections.at(-1)).toBe('offline');
    const before = FakeEventStream.opened.length;
    liveUpdates.reconnectNow();
    expect(FakeEventStream.opened).toHaveLength(before + 1);
  });
});

describe('polling', () => {
  it('starts when there is no stream, and sends the last ETag', async () => {
    pollResult = () => ({ state: 'changed', progress: aProgress(), etag: '"6"' });
    stream().refuse();
    await seconds(7);
    expect(connections).toEqual(['polling']);
    expect(polls[0]).toEqual(['cnv_1', undefined]);
    expect(polls[1]).toEqual(['cnv_1', '"6"']);
    expect(received.length).toBeGreaterThan(0);
  });

  it('ends when the stream is back', async () => {
    stream().loseConnection();
    await seconds(5);
    expect(connections).toEqual(['polling']);
    stream().open();
    const before = polls.length;
    await seconds(8);
    expect(polls.length).toBe(before);
    expect(connections).toEqual(['polling', 'live']);
  });

  it('reports an item as removed that the service does not know', async () => {
    pollResult = () => ({ state: 'deleted' });
    stream().loseConnection();
    await seconds(5);
    expect(removedIds[0]).toBe('cnv_1');
  });

  it('is offline without any answer, but not after an error response', async () => {
    pollResult = () => Promise.reject(new ApiError(503, 'storage_unavailable', 'busy'));
    stream().loseConnection();
    await seconds(6);
    expect(connections).toEqual(['polling']);
    pollResult = () => Promise.reject(new NetworkError('no network'));
    await seconds(20);
    expect(connections.at(-1)).toBe('offline');
    pollResult = () => ({ state: 'unchanged' });
    await seconds(20);
    expect(connections.at(-1)).toBe('polling');
  });

  it('replaces an open stream that does not send changes', async () => {
    stream().open();
    pollResult = () => ({ state: 'changed', progress: aProgress() });
    await seconds(13);
    expect(connections).toEqual(['live']);
    await seconds(13);
    expect(connections).toEqual(['live', 'polling']);
  });

  it('keeps a silent stream if nothing has changed', async () => {
    stream().open();
    await seconds(120);
    expect(connections).toEqual(['live']);
  });
});

describe('a check of the connection', () => {
  it('shows offline at once if the service cannot be reached', async () => {
    stream().open();
    probe = () => Promise.reject(new NetworkError('no network'));
    await liveUpdates.checkConnection();
    expect(connections).toEqual(['live', 'offline']);
  });

  it('shows offline within five seconds if nothing answers at all', async () => {
    stream().open();
    probe = () => new Promise(() => undefined);
    void liveUpdates.checkConnection();
    await seconds(5);
    expect(connections).toEqual(['live', 'offline']);
  });

  it('happens by itself if an open stream is silent', async () => {
    stream().open();
    pollResult = () => new Promise(() => undefined);
    await seconds(21);
    expect(connections).toEqual(['live', 'offline']);
  });

  it('changes nothing if the service answers without a network', async () => {
    stream().open();
    await liveUpdates.checkConnection();
    expect(connections).toEqual(['live']);
  });
});
