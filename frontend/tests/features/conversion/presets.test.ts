import { describe, expect, it } from 'vitest';
import { availablePresets, isEqual, withPreset } from '../../../src/features/conversion/presets';
import { FORMATS, MP3 } from '../../fakes/documents';

const M4A = { ...MP3, format: 'm4a', extension: 'm4a' };
const preset = (name: string) =>
  availablePresets([...FORMATS, M4A]).find((each) => each.name === name)!;

describe('the ringtone preset', () => {
  it('takes thirty seconds from where the cut begins', () => {
    const ringtone = { format: 'm4a', bitrate: '192k', fade_out: 2 };
    expect(withPreset(preset('ringtone'))).toEqual({ ...ringtone, end: 30 });
    const cut = { format: 'mp3', start: 12, track: 1 };
    expect(withPreset(preset('ringtone'), cut)).toEqual({
      ...ringtone,
      start: 12,
      end: 42,
      track: 1,
    });
    expect(withPreset(preset('ringtone'), { ...cut, end: 20 }).end).toBe(20);
  });

  it('is known again, and the next preset takes its limit back', () => {
    const chosen = withPreset(preset('ringtone'), { format: 'mp3', start: 12 });
    expect(isEqual(withPreset(preset('ringtone'), chosen), chosen)).toBe(true);
    expect(withPreset(preset('music'), chosen)).toEqual({
      format: 'mp3',
      bitrate: '320k',
      start: 12,
    });
  });

  it('takes its fade back, too, where the file ends earlier', () => {
    const chosen = withPreset(preset('ringtone'), { format: 'mp3', end: 20 });
    expect(withPreset(preset('music'), chosen)).toEqual({
      format: 'mp3',
      bitrate: '320k',
      end: 20,
    });
  });

  it("is not taken for the user's own cut of thirty seconds", () => {
    const own = { format: 'mp3', start: 5, end: 35, fade_out: 2 };
    expect(withPreset(preset('archive'), own)).toEqual({ ...own, format: 'flac' });
  });
});

describe('a preset', () => {
  it('keeps the cut and the track of a file, and no other settings', () => {
    const cut = { start: 1, end: 9, fade_in: 2, fade_out: 3, track: 1 };
    const before = { format: 'opus', channels: 1, normalize: -20, ...cut };
    expect(withPreset(preset('archive'), before)).toEqual({ format: 'flac', ...cut });
  });
});
