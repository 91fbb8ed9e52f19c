import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { SharedEventStream } from '../../src/live/sharedEventStream';
import { aProgress } from '../fakes/documents';
import { FakeEventStream } from '../fakes/eventStream';

let tabs: SharedEventStream[];
let waiting: (() => void)[];
let isLocked: boolean;

/** Give the lock to one tab after the other, as the browser does. */
const acquireLock = async () => {
  if (isLocked) await new Promise<void>((resolve) => waiting.push(resolve));
  isLocked = true;
  return () => {
    isLocked = false;
    waiting.shift()?.();
  };
};

function openTab() {
  const tab = new SharedEventStream(() => new FakeEventStream(), acquireLock);
  const events: string[] = [];
  const opened = vi.fn();
  tab.onopen = opened;
  tab.addEventListener('progress', ({ data }) =>
    events.push((JSON.parse(data) as { id: string }).id),
  );
  tabs.push(tab);
  return { tab, events, opened };
}

const source = () => FakeEventStream.opened.at(-1)!;

beforeEach(() => {
  FakeEventStream.opened = [];
  [tabs, waiting, isLocked] = [[], [], false];
});
afterEach(() => tabs.forEach((tab) => tab.close()));

describe('the event stream of all tabs', () => {
  it('is opened once, and its events reach every tab', async () => {
    const opened = Array.from({ length: 7 }, openTab);
    await vi.waitFor(() => expect(FakeEventStream.opened).toHaveLength(1));
    source().open();
    source().send('progress', aProgress(), 'cnv_1:6');
    for (const { events } of opened) await vi.waitFor(() => expect(events).toEqual(['cnv_1']));
    for (const { tab } of opened) expect(tab.readyState).toBe(1);
    expect(FakeEventStream.opened).toHaveLength(1);
  });

  it('tells a tab that opens later the last state of each item', async () => {
    openTab();
    await vi.waitFor(() => expect(FakeEventStream.opened).toHaveLength(1));
    source().open();
    source().send('progress', aProgress(), 'cnv_1:6');
    const late = openTab();
    await vi.waitFor(() => expect(late.events).toEqual(['cnv_1']));
    expect(late.opened).toHaveBeenCalled();
  });

  it('is opened by another tab when its tab closes', async () => {
    const first = openTab();
    const second = openTab();
    await vi.waitFor(() => expect(FakeEventStream.opened).toHaveLength(1));
    first.tab.close();
    await vi.waitFor(() => expect(FakeEventStream.opened).toHaveLength(2));
    source().open();
    expect(second.opened).toHaveBeenCalled();
  });
});
