import { useId, useRef, useState } from 'react';
import { describeProblem, ownProblem } from '../../api/errors';
import { ErrorMessage } from '../../components/ErrorMessage';
import { onEscape } from '../../lib/escape';
import { useModule } from '../../lib/useModule';
import type { ConversionSettings } from './conversionSettings';
import { t } from '../../i18n';

const FIELDS = [
  { name: 'start', min: 0 },
  { name: 'end', min: 0 },
  { name: 'fade_in', min: 0, max: 600 },
  { name: 'fade_out', min: 0, max: 600 },
  { name: 'normalize', min: -70, max: -5 },
] as const;

interface ShapeFieldsProps {
  settings: ConversionSettings;
  onChange: (settings: ConversionSettings) => void;
  /** Left out if the settings are for several files. */
  source?: SourceFile;
}

/** A file whose waveform is shown. */
export interface SourceFile {
  name: string;
  /** Undefined if this browser no longer has it. */
  file: File | undefined;
}

/** Let the user cut the sound, fade it in and out, and set its loudness. */
export function ShapeFields({ settings, onChange, source }: ShapeFieldsProps) {
  const id = useId();
  const details = useRef<HTMLDetailsElement>(null);
  const [isOpen, setOpen] = useState(false);
  const isDrawn = isOpen && source !== undefined;
  const trimmer = useModule(isDrawn, () => import('../waveform/Trimmer'));
  const close = () => {
    details.current!.open = false;
    details.current!.querySelector('summary')!.focus();
  };
  const change = (name: (typeof FIELDS)[number]['name'], text: string) => {
    const { [name]: _, ...others } = settings;
    const value = Number(text);
    // A fade of 0 s is none, and the service refuses it.
    const isEmpty = text === '' || Number.isNaN(value) || (name !== 'start' && value === 0);
    onChange(isEmpty ? others : { ...others, [name]: value });
  };
  return (
    <details
      ref={details}
      className="shape"
      aria-label={t.shape}
      onToggle={({ currentTarget }) => setOpen(currentTarget.open)}
      onKeyDown={onEscape(close)}
    >
      <summary>{t.shape}</summary>
      {trimmer === null && <ErrorMessage {...describeProblem(ownProblem('network'))} />}
      {isDrawn && trimmer && (
        <trimmer.Trimmer {...source} settings={settings} onChange={onChange} />
      )}
      <div className="shape__fields">
        {FIELDS.map(({ name, ...limits }) => (
          <p className="field" key={name}>
            <label htmlFor={id + name}>{t.shapeFields[name]}</label>
            <input
              id={id + name}
              className="input"
              type="number"
              step="any"
              data-testid={`option-${name}`}
              {...limits}
              {...(name === 'normalize' && { list: `${id}targets`, placeholder: t.original })}
              {...(name === 'end' && settings.start ? { min: settings.start + 0.01 } : {})}
              value={settings[name] ?? ''}
              onChange={(event) => change(name, event.target.value)}
            />
          </p>
        ))}
        <datalist id={`${id}targets`}>
          {t.loudnessTargets.map(([lufs, use]) => (
            <option key={lufs} value={lufs} label={use} />
          ))}
        </datalist>
      </div>
    </details>
  );
}
