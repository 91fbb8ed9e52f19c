// @vitest-environment jsdom
import { cleanup, render } from '@testing-library/preact';
import { afterEach, describe, expect, it } from 'vitest';
import { LiveRegion } from '../../src/components/LiveRegion';

afterEach(cleanup);

describe('the live region', () => {
  it('puts a repeated text into another element, so that it is read again', () => {
    const text = 'Ready.';
    const { container, rerender } = render(<LiveRegion announcement={{ text, sequence: 1 }} />);
    const filledElement = () =>
      [...container.querySelectorAll('p')].findIndex((p) => p.textContent === text);
    const first = filledElement();
    rerender(<LiveRegion announcement={{ text, sequence: 2 }} />);
    expect(first).not.toBe(-1);
    expect(filledElement()).toBe(first === 0 ? 1 : 0);
  });
});
