import { useSyncExternalStore } from 'react';
import { announcementsFor } from './announcements';
import { reducer } from './reducer';
import { INITIAL_STATE, type Action, type Row, type State } from './state';

/** Hold the state of the page. Every change is an action that is passed to `dispatch`. */
export class Store {
  private state: State = INITIAL_STATE;
  private readonly listeners = new Set<() => void>();

  readonly getState = (): State => this.state;

  /** Call `listener` after each change. Return a function that ends the subscription. */
  readonly subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  dispatch(action: Action): void {
    const before = this.state;
    let after = reducer(before, action);
    const announcements = announcementsFor(before, after);
    if (announcements.length) {
      after = reducer(after, { type: 'announced', text: announcements.join(' ') });
    }
    if (after === before) return;
    this.state = after;
    this.listeners.forEach((listener) => listener());
  }

  getRow(key: string): Row | undefined {
    return this.state.rows.find((row) => row.key === key);
  }

  updateRow(key: string, change: Partial<Row>): void {
    this.dispatch({ type: 'row-updated', key, change });
  }
}

export function useStore(store: Store): State {
  return useSyncExternalStore(store.subscribe, store.getState);
}
