import { describe, expect, it } from 'vitest';
import {
  choiceInWords,
  defaultChoice,
  fieldsFor,
  sanitise,
  VARIABLE,
  withOption,
} from '../../../src/features/conversion/conversionSettings';
import { FORMATS } from '../../fakes';

const [mp3, flac] = FORMATS as [(typeof FORMATS)[0], (typeof FORMATS)[0]];
const names = (format: typeof mp3, choice: Parameters<typeof fieldsFor>[1]) =>
  fieldsFor(format, choice).map((field) => field.name);

describe('the form of a format', () => {
  it('has the options that the format offers and no others', () => {
    expect(names(mp3, { format: 'mp3', bitrate: '192k' })).toEqual([
      'bitrate',
      'sample_rate',
      'channels',
    ]);
    expect(names(flac, { format: 'flac' })).toEqual(['sample_rate', 'channels', 'bit_depth']);
  });

  it('offers every value of the service, in words', () => {
    const [bitrate, , channels] = fieldsFor(mp3, { format: 'mp3', bitrate: '192k' });
    expect(bitrate?.choices.map((each) => each.value)).toEqual(['128k', '192k', '320k', VARIABLE]);
    expect(channels?.choices.map((each) => each.label)).toEqual(['Original', 'Mono', 'Stereo']);
  });

  it('shows the quality in the place of a bitrate, best first', () => {
    const quality = fieldsFor(mp3, { format: 'mp3', quality: 2 }).find(
      (field) => field.name === 'quality',
    );
    expect(quality?.value).toBe('2');
    expect(quality?.choices[0]?.label).toBe('0 · best');
    expect(quality?.choices).toHaveLength(10);
  });
});

describe('a choice', () => {
  it('is MP3 with 192k at first', () => {
    expect(defaultChoice(FORMATS)).toEqual({ format: 'mp3', bitrate: '192k' });
  });

  it('takes a bitrate or a quality, never both', () => {
    const variable = withOption(
      { format: 'mp3', bitrate: '320k', channels: 1 },
      mp3,
      'bitrate',
      VARIABLE,
    );
    expect(variable).toEqual({ format: 'mp3', quality: 2, channels: 1 });
    expect(withOption(variable, mp3, 'bitrate', '128k')).toEqual({
      format: 'mp3',
      bitrate: '128k',
      channels: 1,
    });
  });

  it('leaves an option out of the request when it shall stay as it is', () => {
    expect(withOption({ format: 'flac', bit_depth: 24 }, flac, 'bit_depth', '')).toEqual({
      format: 'flac',
    });
    expect(withOption({ format: 'flac' }, flac, 'bit_depth', '24')).toEqual({
      format: 'flac',
      bit_depth: 24,
    });
  });

  it('from long ago loses what is not offered any more', () => {
    expect(
      sanitise(
        { format: 'mp3', bitrate: '8k', sample_rate: 12, channels: 2, bit_depth: 24 },
        FORMATS,
      ),
    ).toEqual({ format: 'mp3', bitrate: '192k', channels: 2 });
    expect(sanitise({ format: 'wma' }, FORMATS)).toEqual({ format: 'mp3', bitrate: '192k' });
    expect(sanitise({ format: 'mp3', quality: 0 }, FORMATS)).toEqual({ format: 'mp3', quality: 0 });
  });

  it('reads well', () => {
    expect(choiceInWords({ format: 'mp3', bitrate: '192k', sample_rate: 44100, channels: 1 })).toBe(
      'MP3 · 192 kbit/s · 44.1 kHz · mono',
    );
  });
});
