import { describe, expect, it } from 'vitest';
import { parallelParts } from '../../../src/features/upload/partSender';
import { TransferTracker } from '../../../src/features/upload/transferTracker';
import { anUpload } from '../../fakes/documents';

const PART_SIZE = 5 * 1024 ** 2;
const megabitsPerSecond = (count: number) => (count * 1e6) / 8;

describe('the number of parts in flight', () => {
  it.each([
    [undefined, 1],
    [megabitsPerSecond(1), 1],
    [megabitsPerSecond(10), 2],
    [megabitsPerSecond(100), 4],
  ])('fits the line: at %s bytes per second %s', (speed, count) => {
    expect(parallelParts({ speed, viaService: false }, PART_SIZE)).toBe(count);
  });

  it('leaves connections to other calls if parts go through the service', () => {
    expect(parallelParts({ speed: 1e9, viaService: true }, PART_SIZE)).toBe(2);
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
  });
});
