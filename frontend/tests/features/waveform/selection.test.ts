import { describe, expect, it } from 'vitest';
import {
  gainAt,
  limitsOf,
  selectionOf,
  withEdge,
  withoutCut,
} from '../../../src/features/waveform/selection';

const settings = { format: 'mp3', quality: 0 };

describe('the selection of a file', () => {
  it('is the whole file without settings, and never more than the file', () => {
    const whole = { duration: 60, start: 0, end: 60, fadeIn: 0, fadeOut: 0 };
    expect(selectionOf(settings, 60)).toEqual(whole);
    expect(selectionOf({ ...settings, end: 90, fade_out: 70 }, 60)).toEqual({
      ...whole,
      fadeOut: 60,
    });
    expect(selectionOf({ ...settings, start: 90 }, 60).start).toBeCloseTo(59.9);
  });

  it('is as loud as its fades say', () => {
    const selection = selectionOf(
      { format: 'mp3', start: 10, end: 20, fade_in: 4, fade_out: 2 },
      60,
    );
    const gains = [9.9, 10, 12, 15, 19, 20, 20.1].map((time) => gainAt(selection, time));
    expect(gains).toEqual([0, 0, 0.5, 1, 0.5, 0, 0]);
  });
});

describe('moving an edge', () => {
  it('changes one setting, rounded to hundredths', () => {
    expect(withEdge(settings, 60, 'start', 1.2345)).toEqual({ ...settings, start: 1.23 });
    expect(withEdge({ ...settings, start: 2 }, 60, 'fadeIn', 0.5)).toEqual({
      ...settings,
      start: 2,
      fade_in: 0.5,
    });
  });

  it('leaves out what is not needed', () => {
    const cut = { ...settings, start: 2, end: 50, fade_in: 1 };
    expect(withEdge(cut, 60.004, 'end', 60)).toEqual({ ...settings, start: 2, fade_in: 1 });
    expect(withEdge(cut, 60, 'start', 0)).toEqual({ ...settings, end: 50, fade_in: 1 });
    expect(withEdge(cut, 60, 'fadeIn', 0)).toEqual({ ...settings, start: 2, end: 50 });
    expect(withoutCut({ ...cut, normalize: -16 })).toEqual({ ...settings, normalize: -16 });
  });

  it('stops before the other edge', () => {
    const cut = { ...settings, start: 10, end: 20 };
    expect(withEdge(cut, 60, 'start', 30).start).toBe(19.9);
    expect(withEdge(cut, 60, 'end', 5).end).toBe(10.1);
    expect(withEdge(cut, 60, 'end', 99)).toEqual({ ...settings, start: 10 });
  });

  it('shortens fades that no longer fit, because the service refuses them', () => {
    const cut = { ...settings, start: 0, end: 10, fade_in: 3, fade_out: 3 };
    const moved = withEdge(cut, 60, 'end', 4);
    expect(moved).toEqual({ ...settings, end: 4, fade_in: 3, fade_out: 1 });
    expect(limitsOf(selectionOf(moved, 60), 'fadeOut')).toEqual([0, 1]);
  });
});
