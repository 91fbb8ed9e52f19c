import { useState } from 'react';
import { describeProblem, ownProblem } from '../../api/errors';
import { ErrorMessage } from '../../components/ErrorMessage';
import { useModule } from '../../lib/useModule';
import type { ConversionSettings } from './conversionSettings';
import { t } from '../../i18n';

export interface EditFieldsProps {
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

/** Let the user cut the sound, fade it in and out, and set its loudness. Loaded when opened. */
export function EditFields(props: EditFieldsProps) {
  const [isOpen, setOpen] = useState(false);
  const edits = useModule(isOpen, () => import('../waveform/Edits'));
  return (
    <details
      className="edits"
      aria-label={t.edits}
      onToggle={({ currentTarget: details }) => {
        // What is closed is not checked when the form is sent, so a wrong number keeps it open.
        const wrong = details.querySelector<HTMLInputElement>('input:invalid');
        if (wrong) details.open = true;
        if (wrong && isOpen) wrong.reportValidity();
        setOpen(details.open);
      }}
    >
      <summary>{t.edits}</summary>
      {edits === null && <ErrorMessage {...describeProblem(ownProblem('network'))} />}
      {isOpen && edits && <edits.Edits {...props} />}
    </details>
  );
}
