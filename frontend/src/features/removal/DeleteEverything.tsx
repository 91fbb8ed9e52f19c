import { useState } from 'react';
import type { AppController } from '../../appController';
import { t } from '../../i18n';
import { useFocusListWhenRemoved } from '../../lib/focus';

/** Delete all files of this browser without delay, after one more click. */
export function DeleteEverything({ controller }: { controller: AppController }) {
  const [isAsking, setAsking] = useState(false);
  useFocusListWhenRemoved();
  return (
    <footer className="footer">
      <button
        type="button"
        className="button button--quiet"
        data-testid="delete-everything"
        onClick={() => (isAsking ? void controller.deleteEverything() : setAsking(true))}
        onBlur={() => setAsking(false)}
        onKeyDown={({ key }) => key === 'Escape' && setAsking(false)}
      >
        {isAsking ? t.deleteEverythingSure : t.deleteEverything}
      </button>
    </footer>
  );
}
