import type { Format } from '../../api/types';
import { findFormat, supportedSettings, type ConversionSettings } from './conversionSettings';

export interface Preset {
  name: string;
  settings: ConversionSettings & { normalize?: number };
}

const PRESETS: Preset[] = [
  { name: 'Voice', settings: { format: 'mp3', bitrate: '64k', channels: 1 } },
  {
    name: 'Podcast (−16 LUFS, mono)',
    settings: { format: 'mp3', bitrate: '96k', channels: 1, normalize: -16 },
  },
  { name: 'Music (320 kbit/s)', settings: { format: 'mp3', bitrate: '320k' } },
  { name: 'Archive (FLAC)', settings: { format: 'flac' } },
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
