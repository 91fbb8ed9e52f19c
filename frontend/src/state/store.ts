import { useSyncExternalStore } from 'react';
import { milestones } from './announcements';
import { INITIAL, reduce, type Happening, type Row, type State } from './reducer';

/** Holds the state of the page. Everything that happens goes through `dispatch`, from wherever it comes. */
export class Store {
  private state: State = INITIAL;
  private readonly listeners = new Set<() => void>();

  readonly get = (): State => this.state;

  readonly subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  dispatch(event: Happening): void {
    const before = this.state;
    let after = reduce(before, event);
    const said = milestones(before, after);
    if (said.length) after = reduce(after, { type: 'say', text: said.join(' ') });
    if (after === before) return;
    this.state = after;
    this.listeners.forEach((listener) => listener());
  }

  row(key: string): Row | undefined {
    return this.state.rows.find((row) => row.key === key);
  }

  changeRow(key: string, change: Partial<Row>): void {
    this.dispatch({ type: 'row', key, change });
  }
}

export function useStore(store: Store): State {
  return useSyncExternalStore(store.subscribe, store.get);
}
