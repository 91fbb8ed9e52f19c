import type { Format, Source } from '../../api/types';
import type { ConversionSettings } from './conversionSettings';

type Known = Pick<Source, 'duration'> & Partial<Pick<Source, 'sample_rate' | 'channels'>>;

/** FLAC and ALAC take about this share of the same sound without compression. */
const LOSSLESS_SHARE = 0.6;

/**
 * Return about how many bytes a result will have.
 *
 * Return undefined where that depends on the sound, as with a variable bitrate.
 */
export function estimatedSize(
  settings: ConversionSettings,
  format: Format | undefined,
  source: Known,
): number | undefined {
  const { start = 0, end = Infinity, bitrate, quality } = settings;
  const seconds = Math.min(end, source.duration ?? 0) - start;
  if (!format || !(seconds > 0)) return undefined;
  if (bitrate) return seconds * parseInt(bitrate) * 125;
  if (quality !== undefined || !format.lossless) return undefined;
  const rate = settings.sample_rate ?? source.sample_rate ?? 44_100;
  const channels = settings.channels ?? source.channels ?? 2;
  const bytes = seconds * rate * channels * ((settings.bit_depth ?? 16) / 8);
  return /^(wav|aiff)$/.test(format.format) ? bytes : bytes * LOSSLESS_SHARE;
}
