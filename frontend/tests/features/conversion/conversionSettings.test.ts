import { describe, expect, it } from 'vitest';
import {
  defaultSettings,
  describeOptions,
  supportedSettings,
  VARIABLE_BITRATE,
  withOption,
  withChange,
} from '../../../src/features/conversion/conversionSettings';
import { FLAC, FORMATS, MP3 } from '../../fakes/documents';

describe('conversion settings', () => {
  it('are MP3 with 192 kbit/s by default', () => {
    expect(defaultSettings(FORMATS)).toEqual({ format: 'mp3', bitrate: '192k' });
  });

  it('have a bitrate or a quality, never both', () => {
    const constant = { format: 'mp3', bitrate: '320k', channels: 1 };
    const variable = withOption(constant, MP3, 'bitrate', VARIABLE_BITRATE);
    expect(variable).toEqual({ format: 'mp3', quality: 2, channels: 1 });
    expect(withOption(variable, MP3, 'bitrate', '128k')).toEqual({
      format: 'mp3',
      bitrate: '128k',
      channels: 1,
    });
  });

  it('leave out an option that keeps the value of the source', () => {
    const flac = { format: 'flac' };
    const flac24 = { format: 'flac', bit_depth: 24 };
    expect(withOption(flac24, FLAC, 'bit_depth', '')).toEqual(flac);
    expect(withOption(flac, FLAC, 'bit_depth', '24')).toEqual(flac24);
  });

  it('lose options that the service does not offer any more', () => {
    const old = { format: 'mp3', bitrate: '8k', sample_rate: 12, channels: 2, bit_depth: 24 };
    expect(supportedSettings(old, FORMATS)).toEqual({
      format: 'mp3',
      bitrate: '192k',
      channels: 2,
    });
    expect(supportedSettings({ format: 'wma' }, FORMATS)).toEqual(defaultSettings(FORMATS));
    const variable = { format: 'mp3', quality: 0 };
    expect(supportedSettings(variable, FORMATS)).toEqual(variable);
  });

  it('are described in the words of the form', () => {
    expect(describeOptions({ bitrate: '192k', sample_rate: 44100, channels: 1 })).toEqual([
      '192 kbit/s',
      '44.1 kHz',
      'Mono',
    ]);
  });
});

describe('a change for all files', () => {
  const form = { format: 'mp3', bitrate: '192k', start: 1, fade_in: 2 };
  const own = { bitrate: '64k', channels: 1, end: 9 };

  it('takes over only what has changed', () => {
    const after = { format: 'mp3', quality: 2, start: 1, normalize: -16 };
    expect(withChange({ format: 'mp3', ...own, fade_in: 3 }, form, after)).toEqual({
      format: 'mp3',
      channels: 1,
      quality: 2,
      normalize: -16,
      end: 9,
    });
  });

  it('gives a file with another format all options of the new one', () => {
    const after = { ...form, bitrate: '320k' };
    const expected = { format: 'mp3', bitrate: '320k', end: 9 };
    expect(withChange({ format: 'opus', ...own }, form, after)).toEqual(expected);
  });
});
