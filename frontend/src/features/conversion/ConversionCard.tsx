import { useState } from 'react';
import { canRetry, describeProblem, ownProblem, type ProblemSummary } from '../../api/errors';
import type { Conversion } from '../../api/types';
import type { AppController } from '../../appController';
import { ErrorMessage } from '../../components/ErrorMessage';
import { Close, Retry } from '../../components/Icons';
import { formatPhase, formatSpeed, formatTimeLeft } from '../../lib/formatting';
import { isFinal } from '../../state/merge';
import type { Row } from '../../state/state';
import { ConversionProgressBar } from './ConversionProgressBar';
import { ConversionResult } from './ConversionResult';
import { describeOptions, formatName } from './conversionSettings';
import { t } from '../../i18n';

interface ConversionCardProps {
  row: Row;
  conversion: Conversion;
  problem?: ProblemSummary;
  controller: AppController;
}

/** Show one conversion of a file: status, progress, buttons, and the result or the error. */
export function ConversionCard({ row, conversion, problem, controller }: ConversionCardProps) {
  const { status } = conversion;
  const format = formatName(conversion.format);
  const text = formatPhase(conversion);
  const details = progressDetails(conversion);
  const shown = details.length ? details : describeOptions(conversion.options);
  return (
    <div
      className="conversion"
      data-status={status}
      role="group"
      aria-label={t.fileToFormat(row.name, format)}
    >
      <div className="conversion__header">
        <p className="conversion__title">
          <span className="badge">{format}</span>
          <span className="status" data-testid="conversion-status" data-status={status}>
            {text}
          </span>
          <span className="muted">{shown.join(' · ')}</span>
        </p>
        <ConversionActions row={row} conversion={conversion} controller={controller} />
      </div>
      <ConversionProgressBar
        name={row.name}
        conversion={conversion}
        valueText={[text, ...details].join(', ')}
      />
      {status === 'failed' && (
        <ErrorMessage {...describeProblem(conversion.error ?? ownProblem('unknown'))} />
      )}
      {problem && <ErrorMessage {...describeProblem(problem)} />}
      {status === 'completed' && (
        <ConversionResult row={row} conversion={conversion} controller={controller} />
      )}
    </div>
  );
}

function ConversionActions({ row, conversion, controller }: Omit<ConversionCardProps, 'problem'>) {
  const { conversionManager } = controller;
  const { id, status, phase } = conversion;
  const [isCancelling, setCancelling] = useState(false);
  const cancel = () => {
    setCancelling(true);
    void conversionManager.cancel(id).finally(() => setCancelling(false));
  };
  // During the upload, the cancel button of the row stops the upload and the conversion.
  const canCancel = !isFinal(conversion) && phase !== 'waiting';
  return (
    <span className="actions">
      {canCancel && (
        <button
          type="button"
          className="button button--quiet"
          data-testid="cancel-button"
          aria-label={t.cancelConversion(row.name)}
          disabled={isCancelling}
          onClick={cancel}
        >
          <Close />
          {isCancelling ? t.cancelling : t.cancel}
        </button>
      )}
      {(status === 'failed' || status === 'cancelled') && (
        <>
          {canRetry(conversion.error) && (
            <button
              type="button"
              className="button"
              data-testid="retry-button"
              aria-label={t.retryConversion(row.name, formatName(conversion.format))}
              disabled={row.isBusy}
              onClick={() => void conversionManager.retry(row, conversion)}
            >
              <Retry />
              {t.tryAgain}
            </button>
          )}
          <button
            type="button"
            className="button button--icon"
            aria-label={t.removeConversion(row.name, formatName(conversion.format))}
            title={t.remove}
            onClick={() => void conversionManager.delete(id)}
          >
            <Close />
          </button>
        </>
      )}
    </span>
  );
}

/** Return percent, speed and time left while audio is encoded, and nothing at other times. */
function progressDetails({ status, phase, percent, speed, eta_seconds }: Conversion): string[] {
  if (status !== 'converting' || phase === 'probing') return [];
  const details = [`${Math.floor(percent)}%`];
  if (speed) details.push(formatSpeed(speed));
  if (typeof eta_seconds === 'number') details.push(formatTimeLeft(eta_seconds));
  return details;
}
