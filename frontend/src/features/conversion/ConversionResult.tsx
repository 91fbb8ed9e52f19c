import { useRef, useState } from 'react';
import { downloadUrl } from '../../api/client';
import type { Conversion } from '../../api/types';
import type { AppController } from '../../appController';
import { Expiry } from '../../components/Expiry';
import { Download } from '../../components/Icons';
import { ResultDetails } from './ResultDetails';
import { ShareResult } from './ShareResult';
import { CompareSection } from '../waveform/CompareSection';
import { formatBytes, formatDuration, formatSizeChange } from '../../lib/formatting';
import { pauseOtherPlayers } from '../../lib/players';
import type { Row } from '../../state/state';
import { describeWarning } from '../../api/errors';
import { t } from '../../i18n';

interface ConversionResultProps {
  row: Row;
  conversion: Conversion;
  controller: AppController;
}

/** Show a completed conversion: download link, facts about the file, player and warnings. */
export function ConversionResult({ row, conversion, controller }: ConversionResultProps) {
  const { id, output, warning_details: warnings } = conversion;
  // A player that failed ignores its button, and loading it anew would fail over and over while
  // the network is gone. So a new one takes its place, and begins where the old one failed.
  const [failures, setFailures] = useState(0);
  const failedAt = useRef(0);
  if (!output) return <p className="muted">{t.loadingResult}</p>;
  const sizeChange = formatSizeChange(row.size, output.size);
  return (
    <div className="result">
      <div className="result__summary">
        <a
          className="button button--primary"
          data-testid="download-link"
          href={downloadUrl(id)}
          download={output.filename}
          aria-label={t.downloadFile(output.filename)}
          onClick={(event) => {
            event.preventDefault();
            void controller.conversionManager.download(id);
          }}
        >
          <Download />
          {t.download}
        </a>
        <ShareResult conversion={conversion} controller={controller} />
        <dl className="facts">
          <div className="facts__name">
            <dt>{t.file}</dt>
            <dd>{output.filename}</dd>
          </div>
          <div>
            <dt>{t.size}</dt>
            <dd>
              {formatBytes(row.size)} → {formatBytes(output.size)}
              {sizeChange && (
                <span className="size-change" data-smaller={output.size < row.size}>
                  {sizeChange}
                </span>
              )}
            </dd>
          </div>
          <div>
            <dt>{t.length}</dt>
            <dd>{formatDuration(output.duration)}</dd>
          </div>
          <div>
            <dt>{t.keptUntil}</dt>
            <dd>
              <Expiry time={conversion.expires_at} />
            </dd>
          </div>
        </dl>
        <ResultDetails conversion={conversion} />
      </div>
      <CompareSection row={row} conversion={conversion} controller={controller}>
        <audio
          className="player"
          data-testid="player"
          controls
          preload="none"
          key={failures}
          onLoadedMetadata={({ currentTarget: player }) => {
            player.dataset.loaded = 'true';
            if (failedAt.current) player.currentTime = failedAt.current;
          }}
          onPlay={({ currentTarget }) => {
            pauseOtherPlayers(currentTarget);
            controller.store.dispatch({ type: 'conversion-problem-changed', id });
          }}
          onError={({ currentTarget }) => {
            failedAt.current = currentTarget.currentTime || failedAt.current;
            setFailures(failures + 1);
            void controller.conversionManager.explainPlayerError(id);
          }}
          src={downloadUrl(id, true)}
          aria-label={t.listenTo(output.filename)}
        />
      </CompareSection>
      {warnings.length > 0 && (
        <ul className="warnings" aria-label={t.notes}>
          {warnings.map(describeWarning).map(({ text, lang }) => (
            <li key={text} lang={lang}>
              {text}
            </li>
          ))}
        </ul>
      )}
    </div>
  );
}
