import type { Format } from '../../api/types';
import { t } from '../../i18n';
import type { ConversionSettings } from './conversionSettings';
import { availablePresets, isEqual, withPreset, type Preset } from './presets';

interface PresetSelectProps {
  formats: Format[];
  /** Undefined if several files have different settings. */
  settings: ConversionSettings | undefined;
  onChange: (preset: Preset) => void;
}

/** Let the user choose all settings by what the result is for. */
export function PresetSelect({ formats, settings, onChange }: PresetSelectProps) {
  const presets = availablePresets(formats);
  const current = presets.findIndex(
    (each) => settings && isEqual(withPreset(each, settings), settings),
  );
  return (
    <label className="toolbar__format">
      {t.purpose}
      <select
        className="select"
        data-testid="preset-select"
        value={current}
        onChange={(event) => onChange(presets[Number(event.target.value)]!)}
      >
        <option value={-1} disabled>
          {t.ownSettings}
        </option>
        {presets.map(({ name }, i) => (
          <option key={name} value={i}>
            {t.presets[name]}
          </option>
        ))}
      </select>
    </label>
  );
}
