import { describe, expect, it, vi } from 'vitest';
import { NetworkError, StorageError } from '../../../src/api/errors';
import { BandwidthLimiter } from '../../../src/features/upload/bandwidthLimiter';
import type { Transfer } from '../../../src/features/upload/transfer';
import { TransferTracker } from '../../../src/features/upload/transferTracker';
import { anUpload } from '../../fakes/documents';
import { FakeEnvironment } from '../../fakes/environment';
import { createUploader, settle } from '../../fakes/uploader';

const PART_SIZE = 5 * 1024 ** 2;
const megabitsPerSecond = (count: number) => (count * 1e6) / 8;

describe('parts in flight', () => {
  function createLimiter() {
    let now = 0;
    const { signal } = new AbortController();
    const limiter = new BandwidthLimiter(() => now);
    const begun: string[] = [];
    const take = (name: string, isRetry = false, size = PART_SIZE) =>
      void limiter.take(size, signal, isRetry).then(() => begun.push(name));
    const sendFor = (seconds: number, bytesPerSecond = 0) => {
      for (let i = 0; i < seconds; i++) {
        now += 1000;
        limiter.sent(bytesPerSecond);
      }
    };
    return { limiter, begun, take, sendFor };
  }

  it.each([
    [0, 1],
    [megabitsPerSecond(1), 1],
    [megabitsPerSecond(10), 2],
    [megabitsPerSecond(100), 4],
  ])('fit the connection: at %s bytes per second %s', async (speed, count) => {
    const { begun, take, sendFor } = createLimiter();
    for (const name of ['1', '2', '3', '4', '5']) take(name);
    sendFor(3, speed);
    await settle();
    expect(begun).toHaveLength(count);
  });

  it('count by their bytes: beside a long one only short ones fit', async () => {
    const { begun, take, sendFor } = createLimiter();
    take('long');
    sendFor(3, (1.3 * PART_SIZE) / 10);
    take('short', false, 0.1 * PART_SIZE);
    take('also short', false, 0.1 * PART_SIZE);
    take('second long');
    take('shorter, but later', false, 1);
    await settle();
    expect(begun).toEqual(['long', 'short', 'also short']);
  });

  it('of two uploads take turns on a slow connection', async () => {
    const { limiter, begun, take } = createLimiter();
    take('a1');
    take('b1');
    await settle();
    limiter.arrived(PART_SIZE);
    take('a2');
    await settle();
    limiter.arrived(PART_SIZE);
    await settle();
    expect(begun).toEqual(['a1', 'b1', 'a2']);
  });

  it('are sent alone after the connection was lost, and first', async () => {
    const { limiter, begun, take, sendFor } = createLimiter();
    for (const name of ['1', '2', '3', '4', '5']) take(name);
    sendFor(3, megabitsPerSecond(100));
    await settle();
    for (const name of begun.splice(0)) {
      limiter.lost(PART_SIZE);
      if (name === '1') take(name, true);
    }
    await settle();
    expect(begun).toEqual(['1']);
    limiter.arrived(PART_SIZE);
    for (const name of ['6', '7']) take(name);
    await settle();
    expect(begun).toEqual(['1', '5', '6']);
  });

  it('wait no more when their upload is stopped', async () => {
    const { limiter, begun, take } = createLimiter();
    const stopped = new AbortController();
    take('a');
    const waiting = limiter.take(PART_SIZE, stopped.signal);
    take('c');
    stopped.abort();
    await expect(waiting).rejects.toThrow('aborted');
    limiter.arrived(PART_SIZE);
    await settle();
    expect(begun).toEqual(['a', 'c']);
  });

  it('of two uploads are never more than four, and all of their turns end', async () => {
    const environment = new FakeEnvironment();
    const limiter = new BandwidthLimiter(environment.now);
    const [a, b] = [
      createUploader({ environment, limiter }),
      createUploader({ environment, limiter }),
    ];
    const counts: number[] = [];
    let puts = 0;
    for (const { api } of [a, b]) {
      api.beforeAnswer = (call) => {
        if (call !== 'putPartToStorage') return;
        counts.push(a.api.parallelPuts + b.api.parallelPuts);
        if (++puts % 3 === 0) throw new NetworkError('lost');
      };
    }
    await Promise.all([a.uploader.run(), b.uploader.run()]);
    expect([a.api.storedParts.size, b.api.storedParts.size]).toEqual([10, 10]);
    expect(Math.max(...counts)).toBeGreaterThan(1);
    expect(Math.max(...counts)).toBeLessThanOrEqual(4);
    expect(limiter.isFull(PART_SIZE)).toBe(false);
    await limiter.take(PART_SIZE, new AbortController().signal);
    limiter.lost(PART_SIZE);
    await limiter.take(PART_SIZE, new AbortController().signal);
    expect(limiter.isFull(PART_SIZE)).toBe(true);
  });

  it('of an upload that waits for its turn are not stalled', async () => {
    const environment = new FakeEnvironment();
    const limiter = new BandwidthLimiter(environment.now);
    const { signal } = new AbortController();
    await limiter.take(PART_SIZE, signal);
    const { uploader, lastTransfer } = createUploader({ environment, limiter });
    const run = uploader.run();
    await vi.waitFor(() => expect(lastTransfer()?.isWaitingForTurn).toBe(true));
    expect(lastTransfer()?.isStalled).toBe(false);
    limiter.arrived(PART_SIZE);
    await run;
    expect(lastTransfer()).toMatchObject({ phase: 'done', isWaitingForTurn: false });
  });

  it('take as much of the bandwidth as they have bytes, also the last part', async () => {
    const environment = new FakeEnvironment();
    const limiter = new BandwidthLimiter(environment.now);
    const take = vi.spyOn(limiter, 'take');
    await createUploader({ environment, limiter }).uploader.run();
    expect(take.mock.calls.map(([size]) => size)).toEqual([...Array(9).fill(10), 5]);
  });
});

describe('the turns of an upload', () => {
  const waits = ({ isWaitingForTurn }: Transfer) => isWaitingForTurn;

  it('are never waited for by a single upload, whatever happens to its parts', async () => {
    const { api, uploader, transfers } = createUploader();
    let puts = 0;
    api.beforeAnswer = (call) => {
      if (call === 'putPartToStorage' && ++puts % 3 === 0) throw new NetworkError('lost');
      if (call === 'putPartToStorage' && puts % 5 === 0) throw new StorageError(503, 'busy');
    };
    await uploader.run();
    expect(transfers.at(-1)?.phase).toBe('done');
    expect(transfers.filter(waits)).toEqual([]);
  });

  it('are waited for again after each part, while another upload sends', async () => {
    const environment = new FakeEnvironment();
    const limiter = new BandwidthLimiter(() => 0);
    const { signal } = new AbortController();
    const { api, uploader, transfers } = createUploader({ environment, limiter });
    api.beforeAnswer = (call, partNumber) => {
      // Part 2 waits already, and gets its turn before the other upload.
      if (call === 'putPartToStorage' && partNumber === 1) void limiter.take(PART_SIZE, signal);
      if (api.storedParts.size < 2) expect(transfers.filter(waits)).toEqual([]);
    };
    const run = uploader.run();
    await vi.waitFor(() => expect(transfers.at(-1)?.isWaitingForTurn).toBe(true));
    expect([api.storedParts.size, api.parallelPuts]).toEqual([2, 0]);
    limiter.arrived(PART_SIZE);
    await run;
    expect(transfers.at(-1)).toMatchObject({ phase: 'done', isWaitingForTurn: false });
  });
});

describe('an upload without a moving byte', () => {
  it('is stalled within five seconds, its speed decays, and both end with the next byte', () => {
    let now = 0;
    const upload = anUpload();
    const tracker = new TransferTracker({
      environment: { now: () => now },
      upload,
      onChange: () => undefined,
    });
    const sendFor = (seconds: number, bytesPerSecond: number) => {
      for (let i = 0; i < seconds; i++) {
        now += 1000;
        sent += bytesPerSecond;
        if (bytesPerSecond) tracker.partProgressed(1, sent, PART_SIZE);
        tracker.tick();
      }
    };
    let sent = 0;
    tracker.restart();
    sendFor(5, 1000);
    expect(tracker.current).toMatchObject({ isStalled: false, speed: 1000 });
    sendFor(5, 0);
    expect(tracker.current.isStalled).toBe(true);
    expect(tracker.current.speed).toBeLessThan(300);
    sendFor(3, 0);
    expect(tracker.current.speed).toBe(0);
    sendFor(1, 500);
    expect(tracker.current.isStalled).toBe(false);
    tracker.update({ isWaitingForTurn: true });
    tracker.partCompleted(1);
    sendFor(10, 0);
    tracker.update({ isWaitingForTurn: false });
    expect(tracker.current.isStalled).toBe(false);
  });
});
