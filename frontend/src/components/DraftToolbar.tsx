import type { Format } from '../api/types';
import type { AppController } from '../appController';
import { ConversionForm } from '../features/conversion/ConversionForm';
import { describeOptions, formatName } from '../features/conversion/conversionSettings';
import { availablePresets } from '../features/conversion/presets';
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
  const settings = drafts[0]!.settings;
  const isMixed = drafts.some((row) => !isEqual(row.settings, settings));
  const setAll = (chosen: Row['settings']) => {
    for (const { key } of drafts) uploadManager.setSettings(key, chosen);
  };
  const presets = availablePresets(formats);
  const current = presets.findIndex((preset) => isEqual(preset.settings, settings));
  const summary = [formatName(settings.format), ...describeOptions(settings)].join(', ');
  return (
    <section className="toolbar" aria-label={t.newFiles}>
      <p>
        {t.readyToConvert(drafts.length)}{' '}
        <span className="muted">{isMixed ? t.differentSettings : t.toSettings(summary)}</span>
      </p>
      <label className="toolbar__format">
        {t.purpose}
        <select
          className="select"
          data-testid="preset-select"
          value={isMixed ? -1 : current}
          onChange={(event) => setAll(presets[Number(event.target.value)]!.settings)}
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
      <div className="toolbar__form" data-testid="all-settings">
        <ConversionForm
          label={t.howToConvertAll}
          formats={formats}
          settings={settings}
          onChange={setAll}
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

const isEqual = (a: Row['settings'], b: Row['settings']) =>
  JSON.stringify(Object.entries(a).sort()) === JSON.stringify(Object.entries(b).sort());
