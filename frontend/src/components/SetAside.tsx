import { Close } from './Icons';
import { t } from '../i18n';
import { shownText } from '../lib/shownText';

const MAX_NAMES = 3;

/** Say which of the added files are not audio or video, in one line. */
export function SetAside({ names, onDismiss }: { names: string[]; onDismiss: () => void }) {
  const all = names.map(shownText);
  const shown = all.slice(0, MAX_NAMES).join(', ');
  const others = names.length - MAX_NAMES;
  return (
    <div className="notice notice--line" role="status" data-testid="set-aside">
      <p title={all.join('\n')}>{t.setAside(shown, others)}</p>
      <button
        type="button"
        className="button button--icon"
        aria-label={t.closeMessage}
        onClick={onDismiss}
      >
        <Close />
      </button>
    </div>
  );
}
