import { useRef, type ChangeEvent } from 'react';
import type { AppController } from '../../appController';
import { ErrorMessage } from '../../components/ErrorMessage';
import type { Row } from '../../state/state';
import { reselectTexts } from '../../i18n/reselect';

interface ReselectFileProps {
  row: Row;
  completedParts: number;
  partCount: number;
  controller: AppController;
}

/** Ask for the file of an interrupted upload, because this browser does not have it. */
export function ReselectFile({ row, completedParts, partCount, controller }: ReselectFileProps) {
  const t = reselectTexts();
  const input = useRef<HTMLInputElement>(null);
  const handleChange = (event: ChangeEvent<HTMLInputElement>) => {
    const file = event.target.files?.[0];
    event.target.value = '';
    if (file) void controller.uploadRestorer.resumeWithFile(row.key, file);
  };
  return (
    <div className="reselect">
      {row.mismatchedFile && <ErrorMessage text={t.otherFile(row.mismatchedFile)} />}
      <p>{row.upload ? t.continueFrom(completedParts, partCount) : t.closedTooEarly}</p>
      <div className="actions">
        <button
          type="button"
          className="button button--primary"
          data-testid="reselect-button"
          onClick={() => input.current?.click()}
        >
          {t.chooseAgain}
        </button>
        {row.mismatchedFile && (
          <button
            type="button"
            className="button"
            data-testid="start-over-button"
            onClick={() => void controller.startOver(row)}
          >
            {t.startOver}
          </button>
        )}
      </div>
      <input ref={input} hidden type="file" data-testid="reselect-input" onChange={handleChange} />
    </div>
  );
}
