import { useId, type ReactNode } from 'react';
import { fieldsFor, find, formatName, sanitise, withOption } from './conversionSettings';
import { remembered } from '../../storage/preferences';
import type { Choice, Format } from '../../api/types';

interface ChoiceFormProps {
  label: string;
  formats: Format[];
  choice: Choice;
  onChoice: (choice: Choice) => void;
  onSubmit: () => void;
  autoFocus?: boolean;
  children: ReactNode;
}

/** Format and options as the service offers them; options that a format does not have are not there. */
export function ChoiceForm({
  label,
  formats,
  choice,
  onChoice,
  onSubmit,
  autoFocus,
  children,
}: ChoiceFormProps) {
  const id = useId();
  const format = find(formats, choice.format);
  const changeFormat = (name: string) =>
    onChoice(sanitise(remembered().byFormat[name] ?? { format: name }, formats));
  return (
    <form
      className="choice"
      aria-label={label}
      onSubmit={(event) => (event.preventDefault(), onSubmit())}
    >
      <p className="field">
        <label htmlFor={`${id}format`}>Convert to</label>
        <select
          id={`${id}format`}
          className="select select--strong"
          data-testid="format-select"
          autoFocus={autoFocus}
          value={choice.format}
          onChange={(event) => changeFormat(event.target.value)}
        >
          {formats.map((each) => (
            <option key={each.format} value={each.format}>
              {formatName(each.format)}
            </option>
          ))}
        </select>
      </p>
      {format &&
        fieldsFor(format, choice).map((field) => (
          <p className="field" key={field.name}>
            <label htmlFor={id + field.name}>{field.label}</label>
            <select
              id={id + field.name}
              className="select"
              data-testid={`option-${field.name}`}
              value={field.value}
              onChange={(event) =>
                onChoice(withOption(choice, format, field.name, event.target.value))
              }
            >
              {field.choices.map(({ value, label: words }) => (
                <option key={value} value={value}>
                  {words}
                </option>
              ))}
            </select>
          </p>
        ))}
      <div className="choice__go">{children}</div>
    </form>
  );
}
