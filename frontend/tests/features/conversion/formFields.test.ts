import { describe, expect, it } from 'vitest';
import type { Format } from '../../../src/api/types';
import type { ConversionSettings } from '../../../src/features/conversion/conversionSettings';
import { VARIABLE_BITRATE } from '../../../src/features/conversion/conversionSettings';
import { formFields } from '../../../src/features/conversion/formFields';
import { FLAC, MP3 } from '../../fakes/documents';

const names = (format: Format, settings: ConversionSettings) =>
  formFields(format, settings).map(({ name }) => name);

describe('the form of a format', () => {
  it('has the options that the format offers and no others', () => {
    const mp3 = { format: 'mp3', bitrate: '192k' };
    expect(names(MP3, mp3)).toEqual(['bitrate', 'sample_rate', 'channels']);
    expect(names(FLAC, { format: 'flac' })).toEqual(['sample_rate', 'channels', 'bit_depth']);
  });

  it('offers every value of the service with a readable label', () => {
    const [bitrate, , channels] = formFields(MP3, { format: 'mp3', bitrate: '192k' });
    const values = bitrate?.options.map(({ value }) => value);
    expect(values).toEqual(['128k', '192k', '320k', VARIABLE_BITRATE]);
    const labels = channels?.options.map(({ label }) => label);
    expect(labels).toEqual(['Original', 'Mono', 'Stereo']);
  });

  it('shows the quality for a variable bitrate, best first', () => {
    const fields = formFields(MP3, { format: 'mp3', quality: 2 });
    const quality = fields.find(({ name }) => name === 'quality');
    expect(quality?.value).toBe('2');
    expect(quality?.options[0]?.label).toBe('0 · best');
    expect(quality?.options).toHaveLength(10);
  });
});
