import { useRef, type ChangeEvent } from 'react';
import type { AppController } from '../../appController';
import { ErrorMessage } from '../../components/ErrorMessage';
import type { Row } from '../../state/state';

interface ReselectFileProps {
  row: Row;
  completedParts: number;
  partCount: number;
  controller: AppController;
}

/** Ask for the file of an interrupted upload, because this browser does not have it. */
export function ReselectFile({ row, completedParts, partCount, controller }: ReselectFileProps) {
  const input = useRef<HTMLInputElement>(null);
  const nextPart = Math.min(completedParts + 1, partCount);
  const handleChange = (event: ChangeEvent<HTMLInputElement>) => {
    const file = event.target.files?.[0];
    event.target.value = '';
    if (file) void controller.uploadRestorer.resumeWithFile(row.key, file);
  };
  return (
    <div className="reselect">
      {row.mismatchedFile && (
        <ErrorMessage>
          {`“${row.mismatchedFile}” is a different file, or it has changed. ` +
            'Choose the original file, or start over with this one.'}
        </ErrorMessage>
      )}
      <p>
        {row.upload
          ? `Choose the same file again to continue from chunk ${nextPart} of ${partCount}.`
          : 'The page was closed before this file was saved. Choose it again to continue.'}
      </p>
      <div className="actions">
        <button
          type="button"
          className="button button--primary"
          data-testid="reselect-button"
          onClick={() => input.current?.click()}
        >
          Choose the file again
        </button>
        {row.mismatchedFile && (
          <button
            type="button"
            className="button"
            data-testid="start-over-button"
            onClick={() => void controller.startOver(row)}
          >
            Start over with the other file
          </button>
        )}
      </div>
      <input
        ref={input}
        className="visually-hidden"
        type="file"
        data-testid="reselect-input"
        tabIndex={-1}
        aria-label={`Choose ${row.name} again`}
        onChange={handleChange}
      />
    </div>
  );
}
