import { useState } from 'react';
import { t } from '../../i18n';
import { ask, canAsk } from './notifications';

/** Offer to tell the user when all files are done. */
export function AskForNotification() {
  const [isShown, setShown] = useState(canAsk);
  if (!isShown) return null;
  return (
    <button
      type="button"
      className="button"
      data-testid="notify-button"
      onClick={() => void ask().then(() => setShown(canAsk()))}
    >
      {t.notifyMe}
    </button>
  );
}
