import { useState } from 'react';
import type { Format, Source } from '../api/types';
import type { AppController } from '../appController';
import { ConversionForm } from '../features/conversion/ConversionForm';
import { t } from '../i18n';
import { focusWhenShown } from '../lib/focus';
import type { Row } from '../state/state';
import { Add } from './Icons';

interface ConvertAgainProps {
  row: Row;
  formats: Format[];
  /** True if the file has no conversion yet. */
  isFirst: boolean;
  source?: Source;
  controller: AppController;
}

/** Show a button that opens a form for one more conversion of an uploaded file. */
export function ConvertAgain({ row, formats, isFirst, source, controller }: ConvertAgainProps) {
  // Undefined until the form was opened. The button takes the focus only after the form is closed.
  const [isOpen, setOpen] = useState<boolean>();
  const [settings, setSettings] = useState(row.settings);
  const text = isFirst ? t.convertThis : t.convertAgain;
  if (!isOpen) {
    return (
      <button
        type="button"
        className="button button--quiet convert-again"
        data-testid="convert-again-button"
        ref={isOpen === false ? focusWhenShown : undefined}
        aria-label={`${text}: ${row.name}`}
        onClick={() => setOpen(true)}
      >
        <Add />
        {text}
      </button>
    );
  }
  const submit = async () => {
    const isStarted = await controller.conversionManager.start(row, settings);
    if (isStarted) setOpen(false);
  };
  return (
    <ConversionForm
      label={t.anotherFormat(row.name)}
      formats={formats}
      settings={settings}
      onChange={setSettings}
      source={source}
      file={{ name: row.name, file: controller.sourceFiles.get(row.key) }}
      onSubmit={() => void submit()}
      autoFocus
    >
      <button
        type="button"
        className="button button--quiet"
        data-closes-form
        onClick={() => setOpen(false)}
      >
        {t.close}
      </button>
      <button
        type="submit"
        className="button button--primary"
        data-testid="convert-button"
        disabled={row.isBusy}
      >
        {row.isBusy ? t.starting : t.convert}
      </button>
    </ConversionForm>
  );
}
