import type { AppController } from '../../appController';
import { t } from '../../i18n';
import { useFocusListWhenRemoved } from '../../lib/focus';
import type { State } from '../../state/state';

/** Say which files were removed, and bring them back if the user wants. */
export function UndoBar({ state, controller }: { state: State; controller: AppController }) {
  const removed = state.rows.filter(({ isRemoved }) => isRemoved);
  if (removed.length === 0) return null;
  const text =
    removed.length === 1 ? t.wasRemoved(removed[0]!.name) : t.wereRemoved(removed.length);
  return <Bar text={text} controller={controller} />;
}

function Bar({ text, controller }: { text: string; controller: AppController }) {
  useFocusListWhenRemoved();
  return (
    <aside className="undo-bar" aria-label={t.undo} data-testid="undo-bar">
      <p>{text}</p>
      <button
        type="button"
        className="button button--primary"
        data-testid="undo-button"
        title={t.undoKeys}
        onClick={() => controller.removals.undo()}
      >
        {t.undo}
      </button>
    </aside>
  );
}
