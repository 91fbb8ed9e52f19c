import { useState } from 'react';
import { describeProblem, ownProblem } from '../../api/errors';
import type { Conversion } from '../../api/types';
import { ErrorMessage } from '../../components/ErrorMessage';
import { t } from '../../i18n';
import { useModule } from '../../lib/useModule';

/** Show what is known about the source and the result of a conversion, when the user asks. */
export function ResultDetails({ conversion }: { conversion: Conversion }) {
  const [isOpen, setOpen] = useState(false);
  const facts = useModule(isOpen, () => import('./ResultFacts'));
  const of = t.detailsOf(conversion.output?.filename ?? '');
  return (
    <details
      className="result__details"
      data-testid="details"
      aria-label={t.details + of}
      onToggle={({ currentTarget }) => setOpen(currentTarget.open)}
    >
      <summary>
        {t.details}
        <span className="visually-hidden">{of}</span>
      </summary>
      {facts === null && <ErrorMessage {...describeProblem(ownProblem('network'))} />}
      {facts && <facts.ResultFacts conversion={conversion} />}
    </details>
  );
}
