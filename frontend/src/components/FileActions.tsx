import type { MouseEvent } from 'react';
import { canRetry } from '../api/errors';
import type { AppController } from '../appController';
import { focusAfterRemoval } from '../lib/focus';
import type { Row } from '../state/state';
import { Close, Pause, Play, Retry, Trash } from './Icons';
import { t } from '../i18n';

interface FileActionsProps {
  row: Row;
  controller: AppController;
}

/** Show the buttons that make sense in the current stage of a file. */
export function FileActions({ row, controller }: FileActionsProps) {
  return (
    <div className="actions">
      <UploadAction row={row} controller={controller} />
      <RemoveAction row={row} controller={controller} />
    </div>
  );
}

function UploadAction({ row, controller }: FileActionsProps) {
  const { uploadManager } = controller;
  const { key, name, stage, transfer } = row;
  if (stage !== 'uploading') return null;
  if (transfer?.phase === 'uploading') {
    return (
      <button
        type="button"
        className="button button--quiet"
        data-testid="pause-button"
        aria-label={t.pauseFile(name)}
        onClick={() => uploadManager.runner.pause(key)}
      >
        <Pause />
        <span className="button__label">{t.pause}</span>
      </button>
    );
  }
  if (transfer?.phase === 'paused') {
    return (
      <button
        type="button"
        className="button"
        data-testid="resume-button"
        aria-label={t.resumeFile(name)}
        onClick={() => uploadManager.runner.resume(key)}
      >
        <Play />
        <span className="button__label">{t.resume}</span>
      </button>
    );
  }
  if (transfer?.phase === 'failed' && canRetry(transfer.error)) {
    return (
      <button
        type="button"
        className="button"
        data-testid="retry-button"
        aria-label={t.tryFileAgain(name)}
        onClick={() => uploadManager.runner.resume(key)}
      >
        <Retry />
        <span className="button__label">{t.tryAgain}</span>
      </button>
    );
  }
  return null;
}

/** Cancel an upload, delete a file from the service, or remove a file that is only in the list. */
function RemoveAction({ row, controller }: FileActionsProps) {
  const { name, stage, transfer, upload, isBusy } = row;
  const isUploading =
    stage === 'queued' ||
    stage === 'other-tab' ||
    (stage === 'uploading' && transfer?.phase !== 'failed');
  const remove = ({ currentTarget }: MouseEvent<HTMLElement>) =>
    void controller.remove(row).then(focusAfterRemoval(currentTarget));
  if (isUploading) {
    return (
      <button
        type="button"
        className="button button--icon"
        data-testid="cancel-button"
        aria-label={t.cancelFile(name)}
        title={t.cancel}
        disabled={isBusy}
        onClick={remove}
      >
        <Close />
      </button>
    );
  }
  return (
    <button
      type="button"
      className="button button--icon"
      data-testid="delete-button"
      aria-label={upload ? t.deleteFile(name) : t.removeFile(name)}
      title={upload ? t.deleteTitle : t.remove}
      disabled={isBusy}
      onClick={remove}
    >
      {upload ? <Trash /> : <Close />}
    </button>
  );
}
