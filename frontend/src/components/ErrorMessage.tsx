import type { Description } from '../api/errors';
import { Warning } from './Icons';

export function ErrorMessage({ text, lang }: Description) {
  return (
    <p className="error" data-testid="error-message">
      <Warning />
      <span lang={lang}>{text}</span>
    </p>
  );
}
