import { focusPicker } from '../lib/focus';
import type { Session } from '../appController';
import type { Row } from '../state/reducer';
import { Again, Close, Pause, Play, Trash } from './Icons';

/** The buttons in a row's corner: never more than make sense at the moment. */
export function RowActions({ row, session }: { row: Row; session: Session }) {
  const { sending } = session;
  const phase = row.transfer?.phase;
  const underWay =
    row.stage === 'queued' ||
    row.stage === 'elsewhere' ||
    (row.stage === 'sending' && phase !== 'failed');
  const remove = () => void session.remove(row).then(focusPicker);
  return (
    <div className="actions">
      {row.stage === 'sending' && phase === 'uploading' && (
        <button
          type="button"
          className="button button--quiet"
          data-testid="pause-button"
          aria-label={`Pause ${row.name}`}
          onClick={() => sending.pause(row.key)}
        >
          <Pause />
          <span className="button__words">Pause</span>
        </button>
      )}
      {row.stage === 'sending' && phase === 'paused' && (
        <button
          type="button"
          className="button"
          data-testid="resume-button"
          aria-label={`Resume ${row.name}`}
          onClick={() => sending.resume(row.key)}
        >
          <Play />
          <span className="button__words">Resume</span>
        </button>
      )}
      {row.stage === 'sending' && phase === 'failed' && (
        <button
          type="button"
          className="button"
          data-testid="retry-button"
          aria-label={`Try ${row.name} again`}
          onClick={() => sending.resume(row.key)}
        >
          <Again />
          <span className="button__words">Try again</span>
        </button>
      )}
      {underWay ? (
        <button
          type="button"
          className="button button--icon"
          data-testid="cancel-button"
          aria-label={`Cancel ${row.name}`}
          title="Cancel"
          disabled={row.busy}
          onClick={remove}
        >
          <Close />
        </button>
      ) : row.upload ? (
        <button
          type="button"
          className="button button--icon"
          data-testid="delete-button"
          aria-label={`Delete ${row.name} now`}
          title="Delete now, with all results"
          disabled={row.busy}
          onClick={remove}
        >
          <Trash />
        </button>
      ) : (
        <button
          type="button"
          className="button button--icon"
          data-testid="delete-button"
          aria-label={`Remove ${row.name}`}
          title="Remove"
          onClick={remove}
        >
          <Close />
        </button>
      )}
    </div>
  );
}
