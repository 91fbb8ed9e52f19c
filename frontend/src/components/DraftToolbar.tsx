import type { Format } from '../api/types';
import type { AppController } from '../appController';
import { ConversionForm } from '../features/conversion/ConversionForm';
import { describeOptions, formatName } from '../features/conversion/conversionSettings';
import { availablePresets } from '../features/conversion/presets';
import type { Row } from '../state/state';

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
    <section className="toolbar" aria-label="New files">
      <p>
        {drafts.length} files are ready to convert{' '}
        <span className="muted">{isMixed ? 'with different settings' : `to ${summary}`}</span>
      </p>
      <label className="toolbar__format">
        Purpose
        <select
          className="select"
          data-testid="preset-select"
          value={isMixed ? -1 : current}
          onChange={(event) => setAll(presets[Number(event.target.value)]!.settings)}
        >
          <option value={-1} disabled>
            Own settings
          </option>
          {presets.map(({ name }, i) => (
            <option key={name} value={i}>
              {name}
            </option>
          ))}
        </select>
      </label>
      <div className="toolbar__form" data-testid="all-settings">
        <ConversionForm
          label="How to convert all new files"
          formats={formats}
          settings={settings}
          onChange={setAll}
          onSubmit={() => uploadManager.startAll()}
        >
          <button type="submit" className="button button--primary" data-testid="convert-all">
            Convert all
          </button>
        </ConversionForm>
      </div>
    </section>
  );
}

const isEqual = (a: Row['settings'], b: Row['settings']) =>
  JSON.stringify(Object.entries(a).sort()) === JSON.stringify(Object.entries(b).sort());
