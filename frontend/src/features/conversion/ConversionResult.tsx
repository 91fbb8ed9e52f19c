import { downloadUrl } from '../../api/client';
import type { Row } from '../../state/reducer';
import type { Conversion } from '../../api/types';
import { bytes, clock, keptUntil, sizeChange } from '../../lib/formatting';
import { Download } from '../../components/Icons';

/** The finished file: take it, hear it, and see what became of it. */
export function Result({ row, conversion }: { row: Row; conversion: Conversion }) {
  const { output, warnings = [] } = conversion;
  if (!output) return <p className="muted">Fetching the result…</p>;
  const change = sizeChange(row.size, output.size);
  const until = keptUntil(conversion.expires_at);
  return (
    <div className="result">
      <div className="result__take">
        <a
          className="button button--main"
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
              {bytes(row.size)} → {bytes(output.size)}
              {change && <span className="change">{change}</span>}
            </dd>
          </div>
          {typeof output.duration === 'number' && (
            <div>
              <dt>Length</dt>
              <dd>{clock(output.duration)}</dd>
            </div>
          )}
          {until && (
            <div>
              <dt>Kept until</dt>
              <dd>
                <time dateTime={conversion.expires_at}>{until}</time>
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
        <ul className="warnings" aria-label="Good to know">
          {warnings.map((each) => (
            <li key={each}>{each}</li>
          ))}
        </ul>
      )}
    </div>
  );
}
