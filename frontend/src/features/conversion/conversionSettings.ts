import type { Choice, Format, FormatOptions } from '../../api/types';

/** The form for one format, built from what the service says that it offers. */

export type OptionName = keyof FormatOptions;
export interface Field {
  name: OptionName;
  label: string;
  value: string;
  choices: { value: string; label: string }[];
}

/** In the bitrate list: hands over to the quality list, because a request takes one or the other. */
export const VARIABLE = 'variable';
/** "As in the source": the option is left out of the request. */
export const KEEP = '';

const FAVOURITE = { format: 'mp3', bitrate: '192k' };
const CHANNEL_NAMES: Record<number, string> = {
  1: 'Mono',
  2: 'Stereo',
  6: '5.1 surround',
  8: '7.1 surround',
};

export const find = (formats: Format[], name: string) =>
  formats.find((each) => each.format === name);
export const formatName = (name: string) => name.toUpperCase();

/** What a person most likely wants from this format. */
export function defaultChoice(formats: Format[], name: string = FAVOURITE.format): Choice {
  const format = find(formats, name) ?? formats[0];
  if (!format) return { format: name };
  const { bitrate, quality } = format.options;
  if (bitrate?.length)
    return {
      format: format.format,
      bitrate: bitrate.includes(FAVOURITE.bitrate)
        ? FAVOURITE.bitrate
        : bitrate[Math.floor(bitrate.length / 2)],
    };
  return quality ? { format: format.format, quality: quality.default } : { format: format.format };
}

/** Drops what the format does not offer (any more): a remembered choice may be older than the service. */
export function sanitise(choice: Choice, formats: Format[]): Choice {
  const format = find(formats, choice.format);
  if (!format) return defaultChoice(formats);
  const { bitrate, quality, sample_rate, channels, bit_depth } = format.options;
  const clean: Choice = { format: format.format };
  if (
    quality &&
    choice.quality !== undefined &&
    choice.quality >= quality.min &&
    choice.quality <= quality.max
  )
    clean.quality = choice.quality;
  else if (choice.bitrate && bitrate?.includes(choice.bitrate)) clean.bitrate = choice.bitrate;
  else Object.assign(clean, defaultChoice(formats, format.format));
  if (choice.sample_rate && sample_rate?.includes(choice.sample_rate))
    clean.sample_rate = choice.sample_rate;
  if (choice.channels && channels?.includes(choice.channels)) clean.channels = choice.channels;
  if (choice.bit_depth && bit_depth?.includes(choice.bit_depth)) clean.bit_depth = choice.bit_depth;
  return clean;
}

export function fieldsFor(format: Format, choice: Choice): Field[] {
  const { bitrate, quality, sample_rate, channels, bit_depth } = format.options;
  const fields: Field[] = [];
  const variable = choice.quality !== undefined;
  if (bitrate?.length) {
    const rates = bitrate.map((value) => ({ value, label: `${value.replace(/k$/, '')} kbit/s` }));
    const choices = quality ? [...rates, { value: VARIABLE, label: 'Variable' }] : rates;
    fields.push({
      name: 'bitrate',
      label: 'Bitrate',
      value: variable ? VARIABLE : (choice.bitrate ?? ''),
      choices,
    });
  }
  if (quality && (variable || !bitrate?.length)) {
    fields.push({
      name: 'quality',
      label: 'Quality',
      value: String(choice.quality ?? quality.default),
      choices: qualities(quality),
    });
  }
  const listed = (
    name: 'sample_rate' | 'channels' | 'bit_depth',
    label: string,
    values: number[] | null | undefined,
    words: (value: number) => string,
  ) => {
    if (!values?.length) return;
    const choices = [
      { value: KEEP, label: 'Original' },
      ...values.map((value) => ({ value: String(value), label: words(value) })),
    ];
    fields.push({
      name,
      label,
      value: choice[name] === undefined ? KEEP : String(choice[name]),
      choices,
    });
  };
  listed('sample_rate', 'Sample rate', sample_rate, (value) => `${value / 1000} kHz`);
  listed('channels', 'Channels', channels, (value) => CHANNEL_NAMES[value] ?? `${value} channels`);
  listed('bit_depth', 'Bit depth', bit_depth, (value) => `${value}-bit`);
  return fields;
}

/** Best first, whichever end of the encoder's own scale that is. */
function qualities({
  min,
  max,
  default: usual,
  best = max,
}: NonNullable<FormatOptions['quality']>) {
  const scale = Array.from({ length: max - min + 1 }, (_, i) => min + i);
  if (best !== min) scale.reverse();
  const word = (value: number) =>
    value === usual
      ? ' · usual'
      : value === scale[0]
        ? ' · best'
        : value === scale.at(-1)
          ? ' · smallest'
          : '';
  return scale.map((value) => ({ value: String(value), label: `${value}${word(value)}` }));
}

/** The choice after one field was changed by hand. */
export function withOption(
  choice: Choice,
  format: Format,
  name: OptionName,
  value: string,
): Choice {
  const { [name]: _, ...rest } = choice;
  if (name === 'bitrate') {
    const { quality: __, ...others } = rest as Choice;
    return value === VARIABLE
      ? { ...others, quality: format.options.quality!.default }
      : { ...others, bitrate: value };
  }
  return value === KEEP ? (rest as Choice) : ({ ...rest, [name]: Number(value) } as Choice);
}

/** "MP3 · 192 kbit/s · 44.1 kHz": what was asked for, for rows that show no form. */
export function choiceInWords({
  format,
  bitrate,
  quality,
  sample_rate,
  channels,
  bit_depth,
}: Choice): string {
  return [
    formatName(format),
    bitrate && `${bitrate.replace(/k$/, '')} kbit/s`,
    typeof quality === 'number' && `VBR ${quality}`,
    sample_rate && `${sample_rate / 1000} kHz`,
    channels && (CHANNEL_NAMES[channels] ?? `${channels} channels`).toLowerCase(),
    bit_depth && `${bit_depth}-bit`,
  ]
    .filter(Boolean)
    .join(' · ');
}
