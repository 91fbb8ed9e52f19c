import type { ConversionOptions, ConversionRequest, Format, FormatOptions } from '../../api/types';
import { decimal, t } from '../../i18n';

/** A conversion request as the user chooses it: the format and its options, without a file name. */
export type ConversionSettings = Pick<ConversionRequest, 'format'> & ConversionOptions;
export type OptionName = keyof FormatOptions;

/** Entry of the bitrate list that shows the quality list. A request has a bitrate or a quality. */
export const VARIABLE_BITRATE = 'variable';
/** Entry for "as in the source". The request then leaves the option out. */
export const KEEP_SOURCE = '';

/** The settings that edit the sound. Every format has them. */
const EDITS: (keyof ConversionSettings)[] = [
  'start',
  'end',
  'fade_in',
  'fade_out',
  'normalize',
  'track',
];

const PREFERRED = { format: 'mp3', bitrate: '192k' };

export const findFormat = (formats: Format[], name: string) =>
  formats.find(({ format }) => format === name);

export const formatName = (name: string) => name.toUpperCase();
export const bitrateLabel = (bitrate: string) => `${bitrate.replace(/k$/, '')} kbit/s`;
export const sampleRateLabel = (hertz: number) => `${decimal(hertz / 1000)} kHz`;
export const channelsLabel = (channels: number) =>
  t.channelNames[channels] ?? t.channelCount(channels);
export const bitDepthLabel = (bits: number) => t.bits(bits);

/** Return the settings of a format that suit most users. */
export function defaultSettings(
  formats: Format[],
  name: string = PREFERRED.format,
): ConversionSettings {
  const format = findFormat(formats, name) ?? formats[0];
  if (!format) return { format: name };
  const { bitrate, quality } = format.options;
  if (bitrate?.length) {
    const middle = bitrate[Math.floor(bitrate.length / 2)];
    const isPreferred = bitrate.includes(PREFERRED.bitrate);
    return { format: format.format, bitrate: isPreferred ? PREFERRED.bitrate : middle };
  }
  return quality ? { format: format.format, quality: quality.default } : { format: format.format };
}

/**
 * Return the settings without those that the format does not offer.
 *
 * Saved settings may come from a time when the service offered other formats or options.
 */
export function supportedSettings(
  settings: ConversionSettings,
  formats: Format[],
): ConversionSettings {
  const format = findFormat(formats, settings.format);
  if (!format) return defaultSettings(formats);
  const { bitrate, quality, sample_rate, channels, bit_depth } = format.options;
  const supported: ConversionSettings = { format: format.format };
  if (quality && isWithin(settings.quality, quality)) {
    supported.quality = settings.quality;
  } else if (settings.bitrate && bitrate?.includes(settings.bitrate)) {
    supported.bitrate = settings.bitrate;
  } else {
    Object.assign(supported, defaultSettings(formats, format.format));
  }
  if (settings.sample_rate && sample_rate?.includes(settings.sample_rate)) {
    supported.sample_rate = settings.sample_rate;
  }
  if (settings.channels && channels?.includes(settings.channels)) {
    supported.channels = settings.channels;
  }
  if (settings.bit_depth && bit_depth?.includes(settings.bit_depth)) {
    supported.bit_depth = settings.bit_depth;
  }
  Object.assign(supported, editsOf(settings));
  return supported;
}

/** Return the settings that edit the sound. They do not depend on the format. */
export function editsOf(settings: Partial<ConversionSettings>) {
  const entries = EDITS.map((name) => [name, settings[name]]);
  const edits = Object.fromEntries(entries.filter(([, value]) => value !== undefined));
  return edits as Omit<ConversionSettings, 'format'>;
}

/**
 * Return the settings of one of several files after the user changed those of all.
 *
 * `before` and `after` are the settings in the form. Only what changed is taken over, so that each
 * file keeps its cut and its track. A file with another format takes all options of the new one.
 */
export function withChange(
  settings: ConversionSettings,
  before: ConversionSettings,
  after: ConversionSettings,
): ConversionSettings {
  const isSameFormat = [settings, before].every(({ format }) => format === after.format);
  const names = Object.keys({ ...settings, ...after }) as (keyof ConversionSettings)[];
  const isTaken = (name: keyof ConversionSettings) =>
    before[name] !== after[name] || !(isSameFormat || EDITS.includes(name));
  const entries = names.map((name) => [name, (isTaken(name) ? after : settings)[name]]);
  return Object.fromEntries(entries.filter(([, value]) => value !== undefined));
}

function isWithin(value: number | undefined, { min, max }: { min: number; max: number }): boolean {
  return value !== undefined && value >= min && value <= max;
}

/** Return the settings after the user changed one option. */
export function withOption(
  settings: ConversionSettings,
  format: Format,
  name: OptionName,
  value: string,
): ConversionSettings {
  const { [name]: _, ...others } = settings;
  if (name === 'bitrate') {
    const { quality: __, ...withoutQuality } = others as ConversionSettings;
    return value === VARIABLE_BITRATE
      ? { ...withoutQuality, quality: format.options.quality!.default }
      : { ...withoutQuality, bitrate: value };
  }
  const changed = value === KEEP_SOURCE ? {} : { [name]: Number(value) };
  return { ...others, ...changed } as ConversionSettings;
}

/** Return the options as texts: ["192 kbit/s", "44.1 kHz"]. */
export function describeOptions({
  bitrate,
  quality,
  sample_rate,
  channels,
  bit_depth,
  normalize,
}: ConversionOptions): string[] {
  return [
    bitrate && bitrateLabel(bitrate),
    typeof quality === 'number' && `VBR ${quality}`,
    sample_rate && sampleRateLabel(sample_rate),
    channels && channelsLabel(channels),
    bit_depth && bitDepthLabel(bit_depth),
    typeof normalize === 'number' && `${String(normalize).replace('-', '−')} LUFS`,
  ].filter((text): text is string => Boolean(text));
}
