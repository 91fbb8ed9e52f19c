import { describe, expect, it } from 'vitest';
import type { Format } from '../../../src/api/types';
import { estimatedSize } from '../../../src/features/conversion/estimate';

const formatOf = (name: string, lossless: boolean) => ({ format: name, lossless }) as Format;
const [MP3, WAV, FLAC] = [formatOf('mp3', false), formatOf('wav', true), formatOf('flac', true)];

describe('the estimated size', () => {
  it('follows from the bitrate and the piece that is cut out', () => {
    const settings = { format: 'mp3', bitrate: '128k', start: 10, end: 20 };
    expect(estimatedSize(settings, MP3, { duration: 60 })).toBe(160_000);
  });

  it('follows from rate, channels and depth without compression', () => {
    const source = { duration: 10, sample_rate: 48_000, channels: 1 };
    expect(estimatedSize({ format: 'wav', bit_depth: 24 }, WAV, source)).toBe(1_440_000);
    expect(estimatedSize({ format: 'flac' }, FLAC, source)).toBeCloseTo(576_000);
  });

  it('is not given where it depends on the sound, or the duration is unknown', () => {
    expect(estimatedSize({ format: 'mp3', quality: 2 }, MP3, { duration: 60 })).toBeUndefined();
    expect(estimatedSize({ format: 'mp3', bitrate: '128k' }, MP3, {})).toBeUndefined();
  });
});
