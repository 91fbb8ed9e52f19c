// @vitest-environment jsdom
import { act, cleanup, render } from '@testing-library/preact';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { Expiry } from '../../src/components/Expiry';

beforeEach(() => vi.useFakeTimers({ now: new Date(2026, 0, 1, 23, 59) }));
afterEach(() => {
  cleanup();
  vi.useRealTimers();
});

it('the expiry stays true past midnight and past its end', () => {
  const time = new Date(2026, 0, 2, 9, 30).toISOString();
  const { container } = render(<Expiry time={time} />);
  expect(container.textContent).toMatch(/^tomorrow/);
  act(() => void vi.advanceTimersByTime(2 * 60_000));
  expect(container.textContent).toMatch(/^today/);
  act(() => void vi.advanceTimersByTime(10 * 3_600_000));
  expect(container.textContent).toBe('expired');
});
