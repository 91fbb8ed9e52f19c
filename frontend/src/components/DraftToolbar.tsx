import type { Format } from '../api/types';
import type { AppController } from '../appController';
import { ConversionForm } from '../features/conversion/ConversionForm';
import { describeOptions, formatName, withChange } from '../features/conversion/conversionSettings';
import { PresetSelect } from '../features/conversion/PresetSelect';
import { isEqual, withPreset } from '../features/conversion/presets';
import { useFocusListWhenRemoved } from '../lib/focus';
import type { Row } from '../state/state';
import { t } from '../i18n';

interface DraftToolbarProps {
  drafts: Row[];
  formats: Format[];
  controller: AppController;
}

/** Choose the format and all options for several drafts, and start all of them. */
export function DraftToolbar({ drafts, formats, controller }: DraftToolbarProps) {
  const { uploadManager } = controller;
  useFocusListWhenRemoved();
  const settings = drafts[0]!.settings;
  const isMixed = drafts.some((row) => !isEqual(row.settings, settings));
  const setAll = (settingsOf: (row: Row) => Row['settings']) => {
    // The first draft is changed last, because the settings that are saved last are those that the
    // form shows.
    for (const row of drafts.toReversed()) {
      uploadManager.setSettings(row.key, settingsOf(row), true);
    }
  };
  const summary = [formatName(settings.format), ...describeOptions(settings)].join(', ');
  return (
    <section className="toolbar" aria-label={t.newFiles}>
      <p>
        {t.readyToConvert(drafts.length)}{' '}
        <span className="muted">{isMixed ? t.differentSettings : t.toSettings(summary)}</span>
      </p>
      <PresetSelect
        formats={formats}
        settings={isMixed ? undefined : settings}
        onChange={(preset) => setAll((row) => withPreset(preset, row.settings))}
      />
      <div className="toolbar__form" data-testid="all-settings">
        <ConversionForm
          label={t.howToConvertAll}
          formats={formats}
          settings={settings}
          onChange={(chosen) => setAll((row) => withChange(row.settings, settings, chosen))}
          onSubmit={() => uploadManager.startAll()}
        >
          <button type="submit" className="button button--primary" data-testid="convert-all">
            {t.convertAll}
          </button>
        </ConversionForm>
      </div>
    </section>
  );
}
