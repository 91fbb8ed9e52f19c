import type { AppController } from '../appController';
import type { State } from '../state/state';
import { selectConversions, shownRows } from '../state/reducer';
import { totalsOf } from '../state/totals';
import { AskForNotification } from '../features/installedApp/AskForNotification';
import { canRetry } from '../api/errors';
import { useFocusListWhenRemoved } from '../lib/focus';
import { t } from '../i18n';

interface ListToolbarProps {
  state: State;
  controller: AppController;
}

/** Show the progress of all files, and the buttons that concern all of them. */
export function ListToolbar({ state, controller }: ListToolbarProps) {
  useFocusListWhenRemoved();
  const rows = shownRows(state);
  const { packing } = state;
  const conversions = rows.flatMap((row) => selectConversions(state, row));
  const { started, done, failed, percent } = totalsOf(state);
  // Drafts upload by themselves. A button for them would come and go, and move what is below it.
  const isUploading = rows.some(
    ({ stage, transfer }) => stage === 'uploading' && transfer?.phase === 'uploading',
  );
  const isPaused = rows.some(({ transfer }) => transfer?.phase === 'paused');
  const hasRetryable = conversions.some(
    ({ status, error }) => status === 'failed' && canRetry(error),
  );
  const results = conversions.filter(({ output }) => output);
  const text = t.totals(done, started, failed);
  return (
    <section className="toolbar" aria-label={t.allFiles} data-testid="list-toolbar">
      {started > 0 && (
        <p className="toolbar__total">
          <span>{text}</span>
          <progress value={percent} max={100} aria-label={t.allFiles} aria-valuetext={text} />
        </p>
      )}
      <div className="toolbar__buttons">
        {started > 1 && done + failed < started && <AskForNotification />}
        {isUploading && (
          <Action name={t.pauseAll} onClick={() => controller.uploadManager.runner.pauseAll()} />
        )}
        {isPaused && (
          <Action name={t.resumeAll} onClick={() => controller.uploadManager.runner.resumeAll()} />
        )}
        {hasRetryable && <Action name={t.retryFailed} onClick={() => controller.retryFailed()} />}
        {(packing || results.length > 1) && (
          <Action
            name={packing ? t.cancelPacking(packing.packed, packing.count) : t.downloadAll}
            onClick={() =>
              packing ? controller.cancelDownloadAll() : void controller.downloadAll()
            }
          />
        )}
        <Action name={t.removeAll} onClick={() => void controller.removeAll()} />
      </div>
    </section>
  );
}

function Action({ name, onClick }: { name: string; onClick: () => void }) {
  return (
    <button type="button" className="button" onClick={onClick}>
      {name}
    </button>
  );
}
