import { downloadUrl } from '../../api/client';
import type { Conversion } from '../../api/types';
import { Download } from '../../components/Icons';
import { formatBytes, formatDuration, formatExpiry, formatSizeChange } from '../../lib/formatting';
import type { Row } from '../../state/state';

/** Show a completed conversion: download link, facts about the file, player and warnings. */
export function ConversionResult({ row, conversion }: { row: Row; conversion: Conversion }) {
  const { output, warnings } = conversion;
  if (!output) return <p className="muted">Loading the result…</p>;
  const sizeChange = formatSizeChange(row.size, output.size);
  const expiry = formatExpiry(conversion.expires_at);
  return (
    <div className="result">
      <div className="result__summary">
        <a
          className="button button--primary"
          data-testid="download-link"
          href={downloadUrl(conversion.id)}
          download={output.filename}
        >
          <Download />
          Download
        </a>
        <dl className="facts">
          <div className="facts__name">
            <dt>File</dt>
            <dd>{output.filename}</dd>
          </div>
          <div>
            <dt>Size</dt>
            <dd>
              {formatBytes(row.size)} → {formatBytes(output.size)}
              {sizeChange && <span className="size-change">{sizeChange}</span>}
            </dd>
          </div>
          <div>
            <dt>Length</dt>
            <dd>{formatDuration(output.duration)}</dd>
          </div>
          {expiry && (
            <div>
              <dt>Kept until</dt>
              <dd>
                <time dateTime={conversion.expires_at}>{expiry}</time>
              </dd>
            </div>
          )}
        </dl>
      </div>
      <audio
        className="player"
        data-testid="player"
        controls
        preload="none"
        src={downloadUrl(conversion.id, true)}
        aria-label={`Listen to ${output.filename}`}
      />
      {warnings.length > 0 && (
        <ul className="warnings" aria-label="Notes about the result">
          {warnings.map((warning) => (
            <li key={warning}>{warning}</li>
          ))}
        </ul>
      )}
    </div>
  );
}
