import type { Format } from '../../api/types';
import type { Catalogue } from '../../i18n/en';
import { findFormat, supportedSettings, type ConversionSettings } from './conversionSettings';

export interface Preset {
  name: keyof Catalogue['presets'];
  settings: ConversionSettings & { normalize?: number };
}

const PRESETS: Preset[] = [
  { name: 'voice', settings: { format: 'mp3', bitrate: '64k', channels: 1 } },
  {
    name: 'podcast',
    settings: { format: 'mp3', bitrate: '96k', channels: 1, normalize: -16 },
  },
  { name: 'music', settings: { format: 'mp3', bitrate: '320k' } },
  { name: 'archive', settings: { format: 'flac' } },
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
