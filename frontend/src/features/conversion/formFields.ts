import type { Format, FormatOptions } from '../../api/types';
import type { ConversionSettings } from './conversionSettings';
import {
  bitDepthLabel,
  bitrateLabel,
  channelsLabel,
  KEEP_SOURCE,
  sampleRateLabel,
  VARIABLE_BITRATE,
  type OptionName,
} from './conversionSettings';
import { t } from '../../i18n';

export interface FormField {
  name: OptionName;
  label: string;
  value: string;
  options: { value: string; label: string }[];
}

/** Return the fields of the form for one format: the options that the service offers for it. */
export function formFields(format: Format, settings: ConversionSettings): FormField[] {
  const { sample_rate, channels, bit_depth } = format.options;
  return [
    bitrateField(format.options, settings),
    qualityField(format.options, settings),
    numberField('sample_rate', t.sampleRate, sample_rate, settings, sampleRateLabel),
    numberField('channels', t.channels, channels, settings, channelsLabel),
    numberField('bit_depth', t.bitDepth, bit_depth, settings, bitDepthLabel),
  ].filter((field): field is FormField => field !== undefined);
}

const isVariable = ({ quality }: ConversionSettings) => quality !== undefined;

function bitrateField(
  { bitrate, quality }: FormatOptions,
  settings: ConversionSettings,
): FormField | undefined {
  if (!bitrate?.length) return undefined;
  const options = bitrate.map((value) => ({ value, label: bitrateLabel(value) }));
  if (quality) options.push({ value: VARIABLE_BITRATE, label: t.variable });
  const value = isVariable(settings) ? VARIABLE_BITRATE : (settings.bitrate ?? '');
  return { name: 'bitrate', label: t.bitrate, value, options };
}

function qualityField(
  { bitrate, quality }: FormatOptions,
  settings: ConversionSettings,
): FormField | undefined {
  if (!quality || (bitrate?.length && !isVariable(settings))) return undefined;
  const value = String(settings.quality ?? quality.default);
  return { name: 'quality', label: t.quality, value, options: qualityOptions(quality) };
}

/** List the qualities from best to smallest. Encoders differ in which end of the scale is best. */
function qualityOptions(quality: NonNullable<FormatOptions['quality']>): FormField['options'] {
  const { min, max, best } = quality;
  const scale = Array.from({ length: max - min + 1 }, (_, i) => min + i);
  if (best !== min) scale.reverse();
  const note = (value: number) => {
    if (value === quality.default) return ` · ${t.qualityNotes.default}`;
    if (value === scale[0]) return ` · ${t.qualityNotes.best}`;
    return value === scale.at(-1) ? ` · ${t.qualityNotes.smallest}` : '';
  };
  return scale.map((value) => ({ value: String(value), label: `${value}${note(value)}` }));
}

function numberField(
  name: 'sample_rate' | 'channels' | 'bit_depth',
  label: string,
  values: number[] | undefined,
  settings: ConversionSettings,
  optionLabel: (value: number) => string,
): FormField | undefined {
  if (!values?.length) return undefined;
  const options = [
    { value: KEEP_SOURCE, label: t.original },
    ...values.map((value) => ({ value: String(value), label: optionLabel(value) })),
  ];
  const current = settings[name];
  const value = current === undefined ? KEEP_SOURCE : String(current);
  return { name, label, value, options };
}
