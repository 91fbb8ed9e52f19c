import type { UploadViewModel } from './uploadViewModel';
import { t } from '../../i18n';

/**
 * Show an upload as one bar of segments.
 *
 * A segment fills while its parts are sent, and changes its colour when the service has confirmed
 * them.
 */
export function UploadProgressBar({ name, view }: { name: string; view: UploadViewModel }) {
  const { percent, segments, completedParts, partCount, status, details } = view;
  const chunks = t.chunks(completedParts, partCount);
  const isFinished = percent >= 100 && completedParts === partCount;
  return (
    <div className={isFinished ? 'progress progress--finished' : 'progress'}>
      <p className="progress__text">
        <span className="status">{status}</span>
        <span className="progress__details">
          <span data-testid="upload-chunks">{chunks}</span>
          {details.map((detail, i) => (
            <span key={i}>{detail}</span>
          ))}
        </span>
      </p>
      <div
        className="bar bar--upload"
        role="progressbar"
        data-testid="upload-bar"
        aria-label={t.uploadOf(name)}
        aria-valuemin={0}
        aria-valuemax={100}
        aria-valuenow={percent}
        aria-valuetext={`${status}, ${percent}%, ${chunks}`}
      >
        {segments.map(({ fraction, isComplete }, i) => (
          <span key={i} className="bar__segment" data-complete={isComplete}>
            <span className="bar__fill" style={{ transform: `scaleX(${fraction})` }} />
          </span>
        ))}
      </div>
    </div>
  );
}
