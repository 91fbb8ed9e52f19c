import { useId } from 'react';
import type { ConversionSettings } from './conversionSettings';

const FIELDS = [
  { name: 'start', label: 'Start at (seconds)', min: 0 },
  { name: 'end', label: 'End at (seconds)', min: 0 },
  { name: 'fade_in', label: 'Fade in (seconds)', min: 0, max: 600 },
  { name: 'fade_out', label: 'Fade out (seconds)', min: 0, max: 600 },
  { name: 'normalize', label: 'Loudness (LUFS)', min: -70, max: -5 },
] as const;

interface ShapeFieldsProps {
  settings: ConversionSettings;
  onChange: (settings: ConversionSettings) => void;
}

/** Let the user cut the sound, fade it in and out, and set its loudness. */
export function ShapeFields({ settings, onChange }: ShapeFieldsProps) {
  const id = useId();
  const change = (name: (typeof FIELDS)[number]['name'], text: string) => {
    const { [name]: _, ...others } = settings;
    const value = Number(text);
    // A fade of 0 s is none, and the service refuses it.
    const isEmpty = text === '' || Number.isNaN(value) || (name !== 'start' && value === 0);
    onChange(isEmpty ? others : { ...others, [name]: value });
  };
  return (
    <details className="shape">
      <summary>Trim, fades and loudness</summary>
      <div className="shape__fields">
        {FIELDS.map(({ name, label, ...limits }) => (
          <p className="field" key={name}>
            <label htmlFor={id + name}>{label}</label>
            <input
              id={id + name}
              className="input"
              type="number"
              step="any"
              data-testid={`option-${name}`}
              {...limits}
              {...(name === 'end' && settings.start ? { min: settings.start + 0.001 } : {})}
              value={settings[name] ?? ''}
              onChange={(event) => change(name, event.target.value)}
            />
          </p>
        ))}
      </div>
    </details>
  );
}
