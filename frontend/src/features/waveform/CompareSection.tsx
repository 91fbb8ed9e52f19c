import { useId, useRef, useState, type ReactNode } from 'react';
import { describeProblem, ownProblem } from '../../api/errors';
import type { Conversion } from '../../api/types';
import type { AppController } from '../../appController';
import { ErrorMessage } from '../../components/ErrorMessage';
import { Compare } from '../../components/Icons';
import { onEscape } from '../../lib/escape';
import { useModule } from '../../lib/useModule';
import type { Row } from '../../state/state';
import { t } from '../../i18n';

interface CompareSectionProps {
  row: Row;
  conversion: Conversion;
  controller: AppController;
  /** The player of the result. */
  children: ReactNode;
}

/** Show the player of a result, and beside it a button that opens a comparison with the source. */
export function CompareSection({ row, conversion, controller, children }: CompareSectionProps) {
  const id = useId();
  const button = useRef<HTMLButtonElement>(null);
  const [isOpen, setOpen] = useState(false);
  const comparison = useModule(isOpen, () => import('./Comparison'));
  const close = () => {
    setOpen(false);
    button.current?.focus();
  };
  return (
    <div className="listen" onKeyDown={onEscape(() => isOpen && close())}>
      <div className="listen__player">
        {children}
        <button
          ref={button}
          type="button"
          className="button"
          data-testid="compare-button"
          aria-label={t.compareFile(conversion.output!.filename)}
          aria-expanded={isOpen}
          aria-controls={id}
          onClick={() => setOpen(!isOpen)}
        >
          <Compare />
          {t.compare}
        </button>
      </div>
      <div id={id} hidden={!isOpen}>
        {comparison === null && <ErrorMessage {...describeProblem(ownProblem('network'))} />}
        {isOpen && comparison && (
          <comparison.Comparison row={row} conversion={conversion} controller={controller} />
        )}
      </div>
    </div>
  );
}
