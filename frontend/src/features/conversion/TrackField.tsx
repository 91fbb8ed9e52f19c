import { useId } from 'react';
import type { Track } from '../../api/types';
import { t } from '../../i18n';
import { shownText } from '../../lib/shownText';
import { channelsLabel, type ConversionSettings } from './conversionSettings';

interface TrackFieldProps {
  tracks: Track[];
  settings: ConversionSettings;
  onChange: (settings: ConversionSettings) => void;
}

/** Let the user choose one of several sound tracks. */
export function TrackField({ tracks, settings, onChange }: TrackFieldProps) {
  const id = useId();
  const standard = tracks.find((track) => track.default)?.index ?? 0;
  return (
    <p className="field">
      <label htmlFor={id}>{t.track}</label>
      <select
        id={id}
        className="select"
        data-testid="option-track"
        value={settings.track ?? standard}
        onChange={(event) => onChange({ ...settings, track: Number(event.target.value) })}
      >
        {tracks.map((track) => (
          <option key={track.index} value={track.index}>
            {t.trackName(track.index + 1, factsOf(track))}
          </option>
        ))}
      </select>
    </p>
  );
}

const factsOf = ({ title, language, codec, channels }: Track) =>
  shownText([title, language, codec, channelsLabel(channels)].filter(Boolean).join(', '));
