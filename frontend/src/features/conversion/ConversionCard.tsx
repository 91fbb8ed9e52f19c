import { useState } from 'react';
import { choiceInWords, formatName } from './conversionSettings';
import { isFinal } from '../../state/merge';
import type { Session } from '../../appController';
import type { Row } from '../../state/reducer';
import type { Conversion, Trouble } from '../../api/types';
import { phaseInWords, timeLeft, times } from '../../lib/formatting';
import { ErrorMessage } from '../../components/ErrorMessage';
import { Again, Close } from '../../components/Icons';
import { Result } from './ConversionResult';

interface ConversionCardProps {
  row: Row;
  conversion: Conversion;
  trouble?: Trouble;
  session: Session;
}

export function ConversionCard({ row, conversion, trouble, session }: ConversionCardProps) {
  const { converting } = session;
  const [cancelling, setCancelling] = useState(false);
  const cancel = () => {
    setCancelling(true);
    void converting.cancel(conversion.id).finally(() => setCancelling(false));
  };
  const over = isFinal(conversion);
  const failed = conversion.status === 'failed' || conversion.status === 'cancelled';
  // While the file itself is still being sent, its own row has the one button that stops everything.
  const canCancel = !over && conversion.phase !== 'waiting';
  const asked = choiceInWords({ ...conversion.options, format: conversion.format }).replace(
    /^[^·]*(· )?/,
    '',
  );
  const words = phaseInWords(conversion);
  const numbers = runningNumbers(conversion);
  return (
    <section
      className="conversion"
      data-status={conversion.status}
      aria-label={`${row.name} to ${formatName(conversion.format)}`}
    >
      <div className="conversion__head">
        <p className="conversion__title">
          <span className="badge">{formatName(conversion.format)}</span>
          <span
            className="leg__state"
            data-testid="conversion-status"
            data-status={conversion.status}
          >
            {words}
          </span>
          <span className="muted">{numbers.length ? numbers.join(' · ') : asked}</span>
        </p>
        <span className="actions">
          {canCancel && (
            <button
              type="button"
              className="button button--quiet"
              data-testid="cancel-button"
              aria-label={`Cancel the conversion of ${row.name}`}
              disabled={cancelling}
              onClick={cancel}
            >
              <Close />
              {cancelling ? 'Cancelling' : 'Cancel'}
            </button>
          )}
          {failed && (
            <>
              <button
                type="button"
                className="button"
                data-testid="retry-button"
                disabled={row.busy}
                onClick={() => void converting.retry(row, conversion)}
              >
                <Again />
                Try again
              </button>
              <button
                type="button"
                className="button button--icon"
                aria-label={`Remove the ${conversion.status} conversion`}
                title="Remove"
                onClick={() => void converting.remove(conversion.id)}
              >
                <Close />
              </button>
            </>
          )}
        </span>
      </div>
      <ConversionBar
        name={row.name}
        conversion={conversion}
        words={[words, ...numbers].join(', ')}
      />
      {conversion.status === 'failed' && (
        <ErrorMessage>
          {conversion.error?.detail ?? 'The conversion failed for a reason that is not known.'}
        </ErrorMessage>
      )}
      {trouble && <ErrorMessage>{trouble.detail}</ErrorMessage>}
      {conversion.status === 'completed' && <Result row={row} conversion={conversion} />}
    </section>
  );
}

function ConversionBar({
  name,
  conversion,
  words,
}: {
  name: string;
  conversion: Conversion;
  words: string;
}) {
  const percent = percentOf(conversion);
  const over = isFinal(conversion);
  return (
    <div className={over ? 'leg leg--over' : 'leg'}>
      <div
        className="bar bar--out"
        data-idle={conversion.status === 'queued'}
        role="progressbar"
        data-testid="conversion-bar"
        aria-label={`Conversion of ${name} to ${formatName(conversion.format)}`}
        aria-valuemin={0}
        aria-valuemax={100}
        aria-valuenow={percent}
        aria-valuetext={words}
      >
        <span className="bar__segment">
          <span className="bar__fill" style={{ transform: `scaleX(${percent / 100})` }} />
        </span>
      </div>
    </div>
  );
}

const percentOf = ({ status, percent }: Conversion) =>
  status === 'completed' ? 100 : Math.floor(percent);

/** Only while sound is being made: a percentage of nothing is no news. */
function runningNumbers(conversion: Conversion): string[] {
  const { status, phase, speed, eta_seconds: eta } = conversion;
  if (status !== 'converting' || phase === 'probing') return [];
  return [
    `${percentOf(conversion)}%`,
    ...(speed ? [times(speed)] : []),
    ...(typeof eta === 'number' ? [timeLeft(eta)] : []),
  ];
}
