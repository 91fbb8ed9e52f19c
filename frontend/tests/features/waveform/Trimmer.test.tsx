// @vitest-environment jsdom
import { cleanup, fireEvent, render, screen } from '@testing-library/preact';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { ConversionSettings } from '../../../src/features/conversion/conversionSettings';
import { DecodingError } from '../../../src/features/waveform/decode';
import { Trimmer } from '../../../src/features/waveform/Trimmer';
import { setLanguage } from '../../../src/i18n';

const waveformOf = vi.hoisted(() => vi.fn());
vi.mock('../../../src/features/waveform/decode', async (original) => ({
  ...(await original<object>()),
  waveformOf,
}));
const duration = vi.hoisted(() => ({ probed: 60 }));
vi.mock('../../../src/lib/duration', () => ({ useDuration: () => duration.probed }));

const values = new Float32Array(100).fill(0.5);
const waveform = { duration: 60, peaks: values, levels: values, steps: [] };
const file = new File(['x'], 'song.wav');
let settings: ConversionSettings;

const trimmer = (withFile: File | undefined = file) => (
  <Trimmer
    file={withFile}
    name="song.wav"
    settings={settings}
    onChange={(changed) => (settings = changed)}
  />
);

beforeEach(() => {
  settings = { format: 'mp3' };
  duration.probed = 60;
  waveformOf.mockResolvedValue(waveform);
  vi.stubGlobal(
    'ResizeObserver',
    class {
      observe() {}
      disconnect() {}
    },
  );
  URL.createObjectURL = () => 'blob:song';
  URL.revokeObjectURL = () => undefined;
});
afterEach(cleanup);

describe('the handles', () => {
  const press = (name: string, ...keys: (string | object)[]) => {
    const { rerender } = render(trimmer());
    for (const key of keys) {
      fireEvent.keyDown(
        screen.getByRole('slider', { name }),
        typeof key === 'string' ? { key } : key,
      );
      rerender(trimmer());
    }
    return screen.getByRole('slider', { name });
  };

  it('move by a tenth of a second, with Shift by a second, and to both ends', () => {
    const slider = press('Start of song.wav', 'ArrowRight', { key: 'ArrowRight', shiftKey: true });
    expect(settings).toEqual({ format: 'mp3', start: 1.1 });
    expect(slider.getAttribute('aria-valuetext')).toBe('1.1 seconds');
    cleanup();
    press('Start of song.wav', 'ArrowLeft', 'Home');
    expect(settings).toEqual({ format: 'mp3' });
    cleanup();
    press('End of song.wav', 'PageDown');
    expect(settings).toEqual({ format: 'mp3', end: 50 });
  });

  it('make a fade longer in the direction in which it grows', () => {
    press('Fade-in of song.wav', 'ArrowRight');
    expect(settings).toEqual({ format: 'mp3', fade_in: 0.1 });
    cleanup();
    press('Fade-out of song.wav', 'ArrowLeft', 'ArrowLeft');
    expect(settings).toEqual({ format: 'mp3', fade_in: 0.1, fade_out: 0.2 });
  });

  it('stand where the settings say, in words of the language', async () => {
    settings = { format: 'mp3', start: 1.5 };
    await setLanguage('de');
    render(trimmer());
    const slider = screen.getByRole('slider', { name: 'Anfang von song.wav' });
    expect(slider.getAttribute('aria-valuetext')).toBe('1,5 Sekunden');
    expect(slider.style.left).toBe('2.5%');
    await setLanguage('en');
  });
});

describe('a file without a waveform', () => {
  const note = async () => (await screen.findByTestId('waveform-note')).textContent;

  it('that is too long keeps its handles', async () => {
    waveformOf.mockRejectedValue(new DecodingError('too-long'));
    render(trimmer());
    await vi.waitFor(async () => expect(await note()).toMatch('too long'));
    expect(screen.getByRole('slider', { name: 'Start of song.wav' })).toBeDefined();
  });

  it('that the browser cannot read has none, and says so', async () => {
    duration.probed = 0;
    waveformOf.mockRejectedValue(new DecodingError('unreadable'));
    render(trimmer());
    await vi.waitFor(async () => expect(await note()).toMatch('cannot read the sound'));
    expect(screen.queryByRole('slider')).toBeNull();
  });

  it('that is no longer in this browser is said to be gone', async () => {
    render(<Trimmer file={undefined} name="song.wav" settings={settings} onChange={() => {}} />);
    expect(await note()).toMatch('no longer has the file');
  });
});
