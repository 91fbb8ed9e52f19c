import { useId } from 'react';
import { t } from '../../i18n';
import { waveformTexts } from '../../i18n/waveform';
import type { ShapeFieldsProps } from '../conversion/ShapeFields';
import { Trimmer } from './Trimmer';
import './waveform.css';

const FIELDS = [
  { name: 'start', min: 0 },
  { name: 'end', min: 0 },
  { name: 'fade_in', min: 0, max: 600 },
  { name: 'fade_out', min: 0, max: 600 },
  { name: 'normalize', min: -70, max: -5 },
] as const;

/** Show the waveform of a file, and what is converted of it as numbers. */
export function Shape({ settings, onChange, source }: ShapeFieldsProps) {
  const id = useId();
  const texts = waveformTexts();
  const change = (name: (typeof FIELDS)[number]['name'], text: string) => {
    const { [name]: _, ...others } = settings;
    const value = Number(text);
    // A fade of 0 s is none, and the service refuses it.
    const isEmpty = text === '' || Number.isNaN(value) || (name !== 'start' && value === 0);
    onChange(isEmpty ? others : { ...others, [name]: value });
  };
  return (
    <>
      {source && <Trimmer {...source} settings={settings} onChange={onChange} />}
      <div className="shape__fields">
        {FIELDS.map(({ name, ...limits }) => (
          <p className="field" key={name}>
            <label htmlFor={id + name}>{texts.fields[name]}</label>
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
          {texts.loudnessTargets.map(([lufs, use]) => (
            <option key={lufs} value={lufs} label={use} />
          ))}
        </datalist>
      </div>
    </>
  );
}
