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
  const isFinished = percent >= 100 && completedParts === partCount;
  const chunks = isFinished || partCount < 2 ? [] : [t.chunks(completedParts, partCount)];
  return (
    <div className={isFinished ? 'progress progress--finished' : 'progress'}>
      <p className="progress__text">
        <span className="status">{status}</span>
        <span className="progress__details">
          {chunks.map((text) => (
            <span key="chunks" data-testid="upload-chunks">
              {text}
            </span>
          ))}
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
        aria-valuetext={[status, `${percent}%`, ...chunks].join(', ')}
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
