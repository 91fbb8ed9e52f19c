import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Polled } from '../../src/api/client';
import { ApiError, NetworkError } from '../../src/api/errors';
import { Live, type Connection } from '../../src/live/liveUpdates';
import type { Progress } from '../../src/api/types';
import { aProgress, FakeEvents } from '../fakes';

let connections: Connection[];
let news: Progress[];
let removed: string[];
let asked: [id: string, etag?: string][];
let answer: (id: string) => Polled | Promise<Polled>;
let active: string[];
let probe: () => Promise<unknown>;
let live: Live;
const source = () => FakeEvents.all.at(-1)!;

beforeEach(() => {
  vi.useFakeTimers();
  FakeEvents.all = [];
  [connections, news, removed, asked, active] = [[], [], [], [], ['cnv_1']];
  answer = () => ({ state: 'same' });
  probe = async () => undefined;
  live = new Live({
    open: () => new FakeEvents(),
    poll: async (id, etag) => {
      asked.push([id, etag]);
      return answer(id);
    },
    active: () => active,
    onProgress: (progress) => news.push(progress) > 0,
    onRemoved: (id) => removed.push(id),
    onConnection: (connection) => connections.push(connection),
    probe: () => probe(),
  });
  live.start();
});

afterEach(() => {
  live.stop();
  vi.useRealTimers();
});

describe('events', () => {
  it('are handed on, with one connection for everything', () => {
    source().open();
    source().say('progress', aProgress());
    source().say('progress', aProgress({ id: 'upl_1', kind: 'upload' }));
    expect(news.map((each) => each.id)).toEqual(['cnv_1', 'upl_1']);
    expect(FakeEvents.all).toHaveLength(1);
    expect(connections).toEqual(['live']);
  });

  it('tell of removals, by their data or by their id', () => {
    source().open();
    source().say('removed', { id: 'cnv_1' }, 'cnv_1:7');
    source().say('removed', '', 'upl_9:3');
    expect(removed).toEqual(['cnv_1', 'upl_9']);
  });

  it('that are not JSON do no harm', () => {
    source().open();
    source().say('progress', '<html>');
    expect(news).toEqual([]);
  });

  it('make questions unnecessary', async () => {
    source().open();
    for (let i = 0; i < 10; i++) {
      await vi.advanceTimersByTimeAsync(5_000);
      source().say('progress', aProgress({ version: 10 + i }));
    }
    expect(asked).toEqual([]);
  });
});

describe('reconnecting', () => {
  it('is left to the browser when a stream ends, for it sends Last-Event-ID', async () => {
    source().open();
    source().breakOff();
    await vi.advanceTimersByTimeAsync(2_000);
    source().open();
    await vi.advanceTimersByTimeAsync(8_000);
    expect(FakeEvents.all).toHaveLength(1);
    expect(connections).toEqual(['live']);
  });

  it('is done here when the browser gives up, later each time', async () => {
    source().refuse();
    await vi.advanceTimersByTimeAsync(1_500);
    expect(FakeEvents.all).toHaveLength(2);
    source().refuse();
    await vi.advanceTimersByTimeAsync(1_400);
    expect(FakeEvents.all).toHaveLength(2);
    await vi.advanceTimersByTimeAsync(1_500);
    expect(FakeEvents.all).toHaveLength(3);
    source().open();
    expect(connections.at(-1)).toBe('live');
  });

  it('happens at once when the network is back', async () => {
    source().refuse();
    probe = answer = async () => {
      throw new NetworkError('gone');
    };
    await vi.advanceTimersByTimeAsync(20_000);
    expect(connections.at(-1)).toBe('offline');
    const before = FakeEvents.all.length;
    live.wake();
    expect(FakeEvents.all).toHaveLength(before + 1);
  });
});

describe('polling', () => {
  it('begins when the stream stays away, with the ETag of the last answer', async () => {
    answer = () => ({ state: 'new', progress: aProgress(), etag: '"6"' });
    source().refuse();
    await vi.advanceTimersByTimeAsync(7_000);
    expect(connections).toEqual(['polling']);
    expect(asked[0]).toEqual(['cnv_1', undefined]);
    expect(asked[1]).toEqual(['cnv_1', '"6"']);
    expect(news.length).toBeGreaterThan(0);
  });

  it('ends when the stream is back', async () => {
    source().breakOff();
    await vi.advanceTimersByTimeAsync(5_000);
    expect(connections).toEqual(['polling']);
    source().open();
    const before = asked.length;
    await vi.advanceTimersByTimeAsync(8_000);
    expect(asked.length).toBe(before);
    expect(connections).toEqual(['polling', 'live']);
  });

  it('takes an unknown thing for removed', async () => {
    answer = () => ({ state: 'gone' });
    source().breakOff();
    await vi.advanceTimersByTimeAsync(5_000);
    expect(removed[0]).toBe('cnv_1');
  });

  it('is offline without any answer, but not because of an error', async () => {
    answer = () => Promise.reject(new ApiError(503, 'storage_unavailable', 'busy'));
    source().breakOff();
    await vi.advanceTimersByTimeAsync(6_000);
    expect(connections).toEqual(['polling']);
    answer = () => Promise.reject(new NetworkError('gone'));
    await vi.advanceTimersByTimeAsync(20_000);
    expect(connections.at(-1)).toBe('offline');
    answer = () => ({ state: 'same' });
    await vi.advanceTimersByTimeAsync(20_000);
    expect(connections.at(-1)).toBe('polling');
  });

  it('unmasks a stream that is open and mute', async () => {
    source().open();
    answer = () => ({ state: 'new', progress: aProgress() });
    await vi.advanceTimersByTimeAsync(13_000);
    expect(connections).toEqual(['live']);
    await vi.advanceTimersByTimeAsync(13_000);
    expect(connections).toEqual(['live', 'polling']);
  });

  it('does not suspect a stream that is silent because nothing happens', async () => {
    source().open();
    await vi.advanceTimersByTimeAsync(120_000);
    expect(connections).toEqual(['live']);
  });
});

describe('doubt', () => {
  it('is offline at once when the service cannot be reached', async () => {
    source().open();
    probe = () => Promise.reject(new NetworkError('gone'));
    await live.doubt();
    expect(connections).toEqual(['live', 'offline']);
  });

  it('stays live where the service needs no network', async () => {
    source().open();
    await live.doubt();
    expect(connections).toEqual(['live']);
  });
});
