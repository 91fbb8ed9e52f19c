import type { Format } from '../../api/types';
import type { Catalogue } from '../../i18n/en';
import {
  findFormat,
  editsOf,
  supportedSettings,
  type ConversionSettings,
} from './conversionSettings';

export interface Preset {
  name: keyof Catalogue['presets'];
  settings: ConversionSettings;
}

/** Phones play no ringtone that is longer, in seconds. */
const RINGTONE_LENGTH = 30;

const RINGTONE = { format: 'm4a', bitrate: '192k', fade_out: 2 };

const PRESETS: Preset[] = [
  { name: 'voice', settings: { format: 'mp3', bitrate: '64k', channels: 1 } },
  {
    name: 'podcast',
    settings: { format: 'mp3', bitrate: '96k', channels: 1, normalize: -16 },
  },
  { name: 'music', settings: { format: 'mp3', bitrate: '320k' } },
  { name: 'archive', settings: { format: 'flac' } },
  { name: 'ringtone', settings: { ...RINGTONE, end: RINGTONE_LENGTH } },
];

/** Return the presets whose every setting the service offers. */
export function availablePresets(formats: Format[]): Preset[] {
  return PRESETS.filter(({ settings }) => {
    if (!findFormat(formats, settings.format)) return false;
    const supported = supportedSettings(settings, formats);
    return Object.entries(settings).every(
      ([name, value]) => supported[name as keyof ConversionSettings] === value,
    );
  });
}

/**
 * Return the settings of a preset for a file.
 * The file keeps its track, range and fades. A preset with a length also limits the range; choosing
 * another preset removes that limit and its fade-out.
 */
export function withPreset(
  { settings: chosen }: Preset,
  current: Partial<ConversionSettings> = {},
): ConversionSettings {
  const { start = 0, track, fade_in } = current;
  const isLimit = isRingtone(current) && current.end === start + RINGTONE_LENGTH;
  const end = isLimit ? undefined : current.end;
  const fade_out = isRingtone(current) ? undefined : current.fade_out;
  const cut = editsOf({ start: current.start, end, fade_in, fade_out, track });
  const limit =
    chosen.end === undefined ? {} : { end: Math.min(end ?? Infinity, start + chosen.end) };
  return { ...cut, ...chosen, ...limit };
}

const isRingtone = ({ format, bitrate, fade_out }: Partial<ConversionSettings>) =>
  format === RINGTONE.format && bitrate === RINGTONE.bitrate && fade_out === RINGTONE.fade_out;

/** Return true if two settings are the same, in whatever order their members are. */
export const isEqual = (a: ConversionSettings, b: ConversionSettings) =>
  JSON.stringify(Object.entries(a).sort()) === JSON.stringify(Object.entries(b).sort());
