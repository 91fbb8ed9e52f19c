import { useId, useState, type ComponentProps } from 'react';
import { t } from '../../i18n';
import { waveformTexts } from '../../i18n/waveform';
import type { EditFieldsProps } from '../conversion/EditFields';
import { Trimmer } from './Trimmer';
import './waveform.css';

const FIELDS = [
  { name: 'start', min: 0 },
  { name: 'end', min: 0 },
  { name: 'fade_in', min: 0, max: 600 },
  { name: 'fade_out', min: 0, max: 600 },
  { name: 'normalize', min: -70, max: -5 },
] as const;

type FieldName = (typeof FIELDS)[number]['name'];

/** Return the setting that a text stands for, or undefined for none. */
function valueOf(name: FieldName, text: string): number | undefined {
  const value = Number(text);
  // A fade of 0 s is none, and the service refuses it.
  const isEmpty = text === '' || Number.isNaN(value) || (name !== 'start' && value === 0);
  return isEmpty ? undefined : value;
}

interface NumberFieldProps extends Omit<ComponentProps<'input'>, 'value'> {
  name: FieldName;
  value: number | undefined;
  onText: (text: string) => void;
}

/** Let the user type a number. Its text stays as typed while it stands for the setting. */
function NumberField({ name, value, onText, ...others }: NumberFieldProps) {
  const [typed, setTyped] = useState('');
  // Writing the number back would remove the point of "10." and the zeros of "0.0".
  const text = valueOf(name, typed) === value ? typed : String(value ?? '');
  return (
    <input
      className="input"
      type="number"
      step="any"
      data-testid={`option-${name}`}
      {...others}
      value={text}
      onChange={({ currentTarget }) => {
        setTyped(currentTarget.value);
        onText(currentTarget.value);
      }}
    />
  );
}

/** Show the waveform of a file, and what is converted of it as numbers. */
export function Edits({ settings, onChange, source }: EditFieldsProps) {
  const id = useId();
  const texts = waveformTexts();
  const change = (name: FieldName, text: string) => {
    const { [name]: _, ...others } = settings;
    const value = valueOf(name, text);
    onChange(value === undefined ? others : { ...others, [name]: value });
  };
  return (
    <>
      {source && <Trimmer {...source} settings={settings} onChange={onChange} />}
      <div className="edits__fields">
        {FIELDS.map(({ name, ...limits }) => (
          <p className="field" key={name}>
            <label htmlFor={id + name}>{texts.fields[name]}</label>
            <NumberField
              id={id + name}
              name={name}
              {...limits}
              {...(name === 'normalize' && { list: `${id}targets`, placeholder: t.original })}
              {...(name === 'end' && settings.start ? { min: settings.start + 0.01 } : {})}
              value={settings[name]}
              onText={(text) => change(name, text)}
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
