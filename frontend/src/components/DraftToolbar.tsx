import type { Format } from '../api/types';
import type { AppController } from '../appController';
import { formatName, supportedSettings } from '../features/conversion/conversionSettings';
import type { Row } from '../state/state';
import { loadSettings } from '../storage/preferences';

interface DraftToolbarProps {
  drafts: Row[];
  formats: Format[];
  controller: AppController;
}

/** Choose one format for several drafts, and start all of them. */
export function DraftToolbar({ drafts, formats, controller }: DraftToolbarProps) {
  const { uploadManager } = controller;
  const setFormat = (name: string) => {
    const settings = loadSettings().byFormat[name] ?? { format: name };
    for (const { key } of drafts) {
      uploadManager.setSettings(key, supportedSettings(settings, formats));
    }
  };
  const firstFormat = drafts[0]?.settings.format ?? '';
  const isMixed = drafts.some((row) => row.settings.format !== firstFormat);
  const format = isMixed ? '' : firstFormat;
  return (
    <section className="toolbar" aria-label="New files">
      <p>{drafts.length} files are ready to convert</p>
      <label className="toolbar__format">
        All to
        <select
          className="select"
          data-testid="all-format-select"
          value={format}
          onChange={(event) => setFormat(event.target.value)}
        >
          {format === '' && (
            <option value="" disabled>
              mixed
            </option>
          )}
          {formats.map(({ format: name }) => (
            <option key={name} value={name}>
              {formatName(name)}
            </option>
          ))}
        </select>
      </label>
      <button
        type="button"
        className="button button--primary"
        data-testid="convert-all"
        onClick={() => uploadManager.startAll()}
      >
        Convert all
      </button>
    </section>
  );
}
