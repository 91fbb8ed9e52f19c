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
  const { output, warning_details: warnings } = conversion;
  if (!output) return <p className="muted">{t.loadingResult}</p>;
  const sizeChange = formatSizeChange(row.size, output.size);
  return (
    <div className="result">
      <div className="result__summary">
        <a
          className="button button--primary"
          data-testid="download-link"
          href={downloadUrl(conversion.id)}
          download={output.filename}
          aria-label={t.downloadFile(output.filename)}
          onClick={(event) => {
            event.preventDefault();
            void controller.conversionManager.download(conversion.id);
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
          onLoadedMetadata={({ currentTarget }) => (currentTarget.dataset.loaded = 'true')}
          onPlay={({ currentTarget }) => pauseOtherPlayers(currentTarget)}
          onError={() => void controller.conversionManager.explainPlayerError(conversion.id)}
          src={downloadUrl(conversion.id, true)}
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
