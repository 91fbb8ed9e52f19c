import { useId, type ReactNode } from 'react';
import type { Format, Source } from '../../api/types';
import type { ConversionSettings } from './conversionSettings';
import { focusWhenShown } from '../../lib/focus';
import { useModule } from '../../lib/useModule';
import { loadSettings } from '../../storage/preferences';
import {
  findFormat,
  formatName,
  editsOf,
  supportedSettings,
  withOption,
} from './conversionSettings';
import { formatBytes } from '../../lib/formatting';
import { estimatedSize } from './estimate';
import { EditFields, type SourceFile } from './EditFields';
import { formFields } from './formFields';
import { t } from '../../i18n';

interface ConversionFormProps {
  label: string;
  formats: Format[];
  settings: ConversionSettings;
  onChange: (settings: ConversionSettings) => void;
  onSubmit: () => void;
  autoFocus?: boolean;
  /** The known properties of the file. */
  source?: Pick<Source, 'duration'> & Partial<Source>;
  /** The file, if the settings are for a single one. */
  file?: SourceFile;
  /** The buttons of the form. */
  children: ReactNode;
}

/** Let the user choose a format and those options that the service offers for it. */
export function ConversionForm({
  label,
  formats,
  settings,
  onChange,
  onSubmit,
  autoFocus,
  source,
  file,
  children,
}: ConversionFormProps) {
  const id = useId();
  const tracks = source?.tracks ?? [];
  const hasTracks = tracks.length > 1;
  const track = useModule(hasTracks, () => import('./TrackField'));
  const format = findFormat(formats, settings.format);
  const size = source && estimatedSize(settings, format, source);
  const changeFormat = (name: string) => {
    const previous = loadSettings().byFormat[name] ?? { format: name };
    onChange(supportedSettings({ ...previous, ...editsOf(settings) }, formats));
  };
  return (
    // This is a group and not a landmark, because a list of fifty files would have fifty landmarks.
    <form
      onSubmit={(event) => {
        event.preventDefault();
        onSubmit();
      }}
    >
      <div className="settings-form" role="group" aria-label={label}>
        <p className="field">
          <label htmlFor={`${id}format`}>{t.convertTo}</label>
          <select
            id={`${id}format`}
            className="select select--strong"
            data-testid="format-select"
            ref={autoFocus ? focusWhenShown : undefined}
            value={settings.format}
            onChange={(event) => changeFormat(event.target.value)}
          >
            {formats.map(({ format: name }) => (
              <option key={name} value={name}>
                {formatName(name)}
              </option>
            ))}
          </select>
        </p>
        {format &&
          formFields(format, settings).map((field) => (
            <p className="field" key={field.name}>
              <label htmlFor={id + field.name}>{field.label}</label>
              <select
                id={id + field.name}
                className="select"
                data-testid={`option-${field.name}`}
                value={field.value}
                onChange={(event) =>
                  onChange(withOption(settings, format, field.name, event.target.value))
                }
              >
                {field.options.map((option) => (
                  <option key={option.value} value={option.value}>
                    {option.label}
                  </option>
                ))}
              </select>
            </p>
          ))}
        {hasTracks && track && (
          <track.TrackField tracks={tracks} settings={settings} onChange={onChange} />
        )}
        <div className="settings-form__actions">
          {size && (
            <span className="settings-form__estimate muted" data-testid="estimate">
              {t.about(formatBytes(size))}
            </span>
          )}
          {children}
        </div>
        <EditFields settings={settings} onChange={onChange} source={file} />
      </div>
    </form>
  );
}
