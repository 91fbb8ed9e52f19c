import { describe, expect, it } from 'vitest';
import { fingerprint } from '../../src/features/upload/fingerprint';
import { SpeedMeter } from '../../src/features/upload/speedMeter';
import { uploadView } from '../../src/features/upload/uploadViewModel';
import {
  bytes,
  bytesOf,
  clock,
  keptUntil,
  phaseInWords,
  sizeChange,
  timeLeft,
  times,
} from '../../src/lib/formatting';
import { aConversion, anUpload } from '../fakes';

describe('numbers', () => {
  it.each([
    [0, '0 B'],
    [999, '999 B'],
    [1500, '1.5 KB'],
    [62_000_000, '62.0 MB'],
    [5_368_709_120, '5.4 GB'],
  ])('%d bytes are %s', (value, words) => {
    expect(bytes(value)).toBe(words);
  });

  it('keep one unit within a running count', () => {
    expect(bytesOf(800_000, 62_000_000)).toBe('0.8 of 62.0 MB');
  });

  it('tell time, speed and change as people do', () => {
    expect([
      clock(351),
      clock(3723),
      timeLeft(0.4),
      timeLeft(20),
      timeLeft(600),
      times(41.6),
      times(2.34),
    ]).toEqual(['5:51', '1:02:03', 'a second left', '20 s left', '10 min left', '42x', '2.3x']);
    expect([sizeChange(100, 12), sizeChange(100, 130), sizeChange(0, 5)]).toEqual([
      '−88%',
      '+30%',
      '',
    ]);
  });

  it('say until when in days that people know', () => {
    const now = new Date(2026, 0, 5, 22, 0);
    expect(keptUntil(new Date(2026, 0, 5, 23, 30).toISOString(), now)).toMatch(/^today, /);
    expect(keptUntil(new Date(2026, 0, 6, 1, 0).toISOString(), now)).toMatch(/^tomorrow, /);
    expect(keptUntil('no date', now)).toBe('');
  });

  it('give every phase words', () => {
    expect(
      phaseInWords(aConversion({ status: 'queued', phase: 'queued', queue_position: 3 })),
    ).toBe('In the queue, number 3');
    expect(phaseInWords(aConversion({ status: 'queued', phase: 'waiting' }))).toBe(
      'Waiting for the upload',
    );
    expect(phaseInWords(aConversion({ phase: 'storing' }))).toBe('Saving the result');
  });
});

describe('the speed', () => {
  it('is that of the last seconds', () => {
    const meter = new SpeedMeter();
    for (let second = 0; second <= 20; second++)
      meter.add(second * 1000, second < 10 ? second * 1000 : 10_000 + (second - 10) * 5000);
    expect(meter.bytesPerSecond).toBeCloseTo(5000, -2);
  });

  it('is not known too early', () => {
    const meter = new SpeedMeter();
    meter.add(0, 0);
    meter.add(100, 1e9);
    expect(meter.bytesPerSecond).toBeUndefined();
  });
});

describe('the fingerprint', () => {
  const file = (change?: [at: number, value: number]) => {
    const data = new Uint8Array(300_000);
    if (change) data[change[0]] = change[1];
    return new Blob([data]);
  };

  it('is the same for the same file and another for a changed head, tail or length', async () => {
    const one = await fingerprint(file());
    expect(await fingerprint(file())).toBe(one);
    expect(await fingerprint(file([5, 1]))).not.toBe(one);
    expect(await fingerprint(file([299_999, 1]))).not.toBe(one);
    expect(await fingerprint(new Blob([new Uint8Array(300_001)]))).not.toBe(one);
  });
});

describe('the bar of chunks', () => {
  const row = {
    key: 'k',
    name: 'a',
    size: 95,
    stage: 'sending' as const,
    choice: { format: 'mp3' },
  };

  it('shows a chunk on the line as filled in part, and as had only when the service has it', () => {
    const transfer = {
      phase: 'uploading' as const,
      done: new Set([1, 2]),
      active: { 3: 1, 4: 0.5 },
      sentBytes: 35,
      viaService: false,
    };
    const view = uploadView({ ...row, upload: anUpload(), transfer })!;
    expect(view.segments.slice(0, 5)).toEqual([
      { share: 1, done: true },
      { share: 1, done: true },
      { share: 1, done: false },
      { share: 0.5, done: false },
      { share: 0, done: false },
    ]);
    expect([view.done, view.total]).toEqual([2, 10]);
  });

  it('puts many chunks into few segments and loses none', () => {
    const upload = anUpload({
      part_count: 1000,
      size: 10_000,
      completed_parts: Array.from({ length: 500 }, (_, i) => i + 1),
      uploaded_bytes: 5000,
    });
    const view = uploadView({ ...row, stage: 'orphan', upload })!;
    expect(view.segments.length).toBeLessThan(60);
    const mean = view.segments.reduce((sum, each) => sum + each.share, 0) / view.segments.length;
    expect(mean).toBeCloseTo(0.5, 1);
    expect(view.done).toBe(500);
  });

  it('waits for the network as soon as anybody knows that it is gone', () => {
    const transfer = {
      phase: 'uploading' as const,
      done: new Set<number>(),
      active: {},
      sentBytes: 0,
      viaService: false,
    };
    const words = (change: object, offline: boolean) =>
      uploadView({ ...row, upload: anUpload(), transfer: { ...transfer, ...change } }, offline)
        ?.words;
    expect([
      words({}, false),
      words({}, true),
      words({ waiting: 'network' }, false),
      words({ phase: 'paused' }, true),
    ]).toEqual(['Uploading', 'Waiting for network', 'Waiting for network', 'Paused']);
  });

  it("knows another tab's chunks by their bytes", () => {
    expect(
      uploadView({ ...row, stage: 'elsewhere', upload: anUpload({ uploaded_bytes: 40 }) }),
    ).toMatchObject({ done: 4, words: 'Uploading in another tab' });
  });
});
