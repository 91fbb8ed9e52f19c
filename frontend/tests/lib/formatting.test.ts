// @vitest-environment jsdom
import { describe, expect, it } from 'vitest';
import {
  describeLimits,
  formatBytes,
  formatBytesOf,
  formatDuration,
  formatExpiry,
  formatPhase,
  formatSizeChange,
  formatSpeed,
  formatTimeLeft,
} from '../../src/lib/formatting';
import { aConversion } from '../fakes/documents';

describe('formatting', () => {
  it.each([
    [0, '0 B'],
    [999, '999 B'],
    [1500, '1.5 KB'],
    [62_000_000, '62.0 MB'],
    [5_368_709_120, '5.4 GB'],
  ])('shows %d bytes as %s', (value, text) => {
    expect(formatBytes(value)).toBe(text);
  });

  it('rounds the largest size down, so that each file up to it is taken', () => {
    const textOf = (size: number) => describeLimits({ max_file_size: size, lifetime: 86_400 });
    expect(textOf(5_368_709_120)).toContain('Up to 5.3 GB for each file');
    expect(textOf(1_999_999_999)).toContain('Up to 1.9 GB for each file');
  });

  it('shows a running count in the unit of its total', () => {
    expect(formatBytesOf(800_000, 62_000_000)).toBe('0.8 of 62.0 MB');
  });

  it('shows durations, time left, speed and change of size', () => {
    expect([formatDuration(351), formatDuration(3723)]).toEqual(['5:51', '1:02:03']);
    expect(formatTimeLeft(0.4)).toBe('1 s left');
    expect(formatTimeLeft(20)).toBe('20 s left');
    expect(formatTimeLeft(600)).toBe('10 min left');
    expect([formatSpeed(41.6), formatSpeed(2.34)]).toEqual(['42x', '2.3x']);
    expect([formatSizeChange(100, 12), formatSizeChange(100, 130)]).toEqual(['−88%', '+30%']);
    expect(formatSizeChange(0, 5)).toBe('');
  });

  it('shows an expiry of today or tomorrow without a date', () => {
    const now = new Date(2026, 0, 5, 22, 0);
    expect(formatExpiry(new Date(2026, 0, 5, 23, 30).toISOString(), now)).toMatch(/^today, /);
    expect(formatExpiry(new Date(2026, 0, 6, 1, 0).toISOString(), now)).toMatch(/^tomorrow, /);
    expect(formatExpiry('no date', now)).toBe('');
  });

  it('describes each phase of a conversion', () => {
    const textOf = (change: Parameters<typeof aConversion>[0]) => formatPhase(aConversion(change));
    expect(textOf({ status: 'queued', phase: 'queued', queue_position: 3 })).toBe(
      'In the queue, number 3',
    );
    expect(textOf({ status: 'queued', phase: 'waiting' })).toBe('Waiting for the upload');
    expect(textOf({ phase: 'storing' })).toBe('Saving the result');
  });
});
