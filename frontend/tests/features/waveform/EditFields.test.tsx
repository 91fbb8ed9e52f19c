// @vitest-environment jsdom
import { cleanup, fireEvent, render, screen } from '@testing-library/preact';
import { afterEach, describe, expect, it } from 'vitest';
import { useState } from 'react';
import type { ConversionSettings } from '../../../src/features/conversion/conversionSettings';
import { EditFields } from '../../../src/features/conversion/EditFields';

let settings: ConversionSettings;

function Form() {
  const [current, setCurrent] = useState<ConversionSettings>({ format: 'mp3' });
  settings = current;
  return <EditFields settings={current} onChange={setCurrent} />;
}

const toggle = (isOpen: boolean) => {
  const details = screen.getByRole<HTMLDetailsElement>('group');
  details.open = isOpen;
  fireEvent(details, new Event('toggle'));
  return details;
};
const field = (name: string) => screen.findByTestId<HTMLInputElement>(`option-${name}`);

afterEach(cleanup);

describe('the fields of a cut', () => {
  it.each([
    ['start', ['1', '10', '10.0', '10.05'], 10.05],
    ['fade_in', ['0', '0.0', '0.05'], 0.05],
  ])('leave what is typed as it is: %s', async (name, texts, value) => {
    render(<Form />);
    toggle(true);
    const input = await field(name);
    for (const text of texts) {
      fireEvent.input(input, { target: { value: text } });
      expect(input.value).toBe(text);
    }
    expect(settings).toEqual({ format: 'mp3', [name]: value });
  });

  it('stay open while one of them is wrong, and close once it is right', async () => {
    render(<Form />);
    toggle(true);
    const loudness = await field('normalize');
    fireEvent.input(loudness, { target: { value: '16' } });
    expect(toggle(false).open).toBe(true);
    expect(await field('normalize')).toBe(loudness);
    fireEvent.input(loudness, { target: { value: '-16' } });
    expect(toggle(false).open).toBe(false);
    expect(screen.queryByTestId('option-normalize')).toBeNull();
  });
});
