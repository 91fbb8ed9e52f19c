import type { Conversion } from '../../api/types';
import { isFinal } from '../../state/merge';
import { formatName } from './conversionSettings';
import { t } from '../../i18n';

interface ConversionProgressBarProps {
  name: string;
  conversion: Conversion;
  /** The progress as text, for screen readers. */
  valueText: string;
}

export function ConversionProgressBar({ name, conversion, valueText }: ConversionProgressBarProps) {
  const percent = conversion.status === 'completed' ? 100 : Math.floor(conversion.percent);
  return (
    <div className={isFinal(conversion) ? 'progress progress--finished' : 'progress'}>
      <div
        className="bar bar--conversion"
        data-waiting={conversion.status === 'queued'}
        role="progressbar"
        data-testid="conversion-bar"
        aria-label={t.conversionOf(name, formatName(conversion.format))}
        aria-valuemin={0}
        aria-valuemax={100}
        aria-valuenow={percent}
        aria-valuetext={valueText}
      >
        <span className="bar__segment">
          <span className="bar__fill" style={{ transform: `scaleX(${percent / 100})` }} />
        </span>
      </div>
    </div>
  );
}
