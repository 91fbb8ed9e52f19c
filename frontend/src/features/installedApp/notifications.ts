import { t } from '../../i18n';
import type { Store } from '../../state/store';
import { totalsOf } from '../../state/totals';

const isSupported = () => typeof Notification !== 'undefined';

/** Return true if the user was never asked for notifications. The page asks only by a button. */
export const canAsk = () => isSupported() && Notification.permission === 'default';

export const ask = async (): Promise<void> => void (await Notification.requestPermission());

/**
 * Notify the user when all files are done, if this tab is in the background and notifications are
 * allowed.
 */
export function notifyAtTheEnd(store: Store): void {
  let wasRunning = false;
  store.subscribe(() => {
    const { started, done, failed } = totalsOf(store.getState());
    const isRunning = done + failed < started;
    const isEnd = wasRunning && !isRunning && started > 0;
    wasRunning = isRunning;
    if (!isEnd || !document.hidden || !isSupported()) return;
    if (Notification.permission === 'granted') {
      new Notification('TinyPixo', { body: t.titleEnded(done, failed), tag: 'end' });
    }
  });
}
