// @vitest-environment jsdom
import { cleanup, fireEvent, render, screen, waitFor } from '@testing-library/preact';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { ApiError, NetworkError } from '../../../src/api/errors';
import type { Conversion, Track } from '../../../src/api/types';
import { CompareSection } from '../../../src/features/waveform/CompareSection';
import type { Row } from '../../../src/state/state';
import { FakeApp } from '../../fakes/app';
import { aConversion, anOutput } from '../../fakes/documents';

const waveformOf = vi.hoisted(() => vi.fn());
vi.mock('../../../src/features/waveform/decode', async (original) => ({
  ...(await original<object>()),
  waveformOf,
}));
vi.mock('../../../src/lib/duration', () => ({ useDuration: () => 61 }));

const values = new Float32Array(100).fill(0.5);
const row = { key: 'k', name: 'song.wav' } as Row;
const done = { status: 'completed', output: anOutput() } as const;
let app: FakeApp;

function renderSection(change: Partial<Conversion> = {}) {
  const conversion = aConversion({ ...done, ...change });
  return render(
    <CompareSection row={row} conversion={conversion} controller={app.controller}>
      <audio />
    </CompareSection>,
  );
}

async function open(change: Partial<Conversion> = {}) {
  renderSection(change);
  fireEvent.click(screen.getByRole('button', { name: 'Compare song.mp3 with its source' }));
  const name = 'Source and result of song.mp3';
  // The first one is loaded.
  return screen.findByRole('group', { name }, { timeout: 15_000 });
}
const notes = () => screen.queryAllByTestId('waveform-note').map(({ textContent }) => textContent);

beforeEach(() => {
  app = new FakeApp();
  app.controller.sourceFiles.set('k', new File(['x'], 'song.wav'));
  waveformOf.mockResolvedValue({ duration: 61, peaks: values, levels: values, steps: [] });
  vi.spyOn(app.controller.conversionManager, 'fetchResult').mockResolvedValue(new Blob(['y']));
  const observer = { observe: () => undefined, disconnect: () => undefined };
  vi.stubGlobal('ResizeObserver', function ResizeObserver() {
    return observer;
  });
  URL.createObjectURL = () => 'blob:song';
  URL.revokeObjectURL = () => undefined;
});
afterEach(cleanup);

describe('a comparison', () => {
  it('opens with the source, and closes by Escape with the focus on its button', async () => {
    const comparison = await open();
    const heard = await screen.findByRole('radio', { name: /^A: source/ });
    await waitFor(() => expect(heard).toHaveProperty('checked', true));
    fireEvent.keyDown(comparison, { key: 'Escape' });
    await waitFor(() => expect(screen.queryByTestId('comparison')).toBeNull());
    const button = screen.getByTestId('compare-button');
    expect(button.getAttribute('aria-expanded')).toBe('false');
    expect(document.activeElement).toBe(button);
  });

  it('says that a result could not be fetched', async () => {
    vi.mocked(app.controller.conversionManager.fetchResult).mockRejectedValue(
      new NetworkError('no'),
    );
    await open();
    const message = await screen.findByTestId('error-message');
    expect(message.textContent).toMatch('Check your connection');
    expect(screen.getByTestId('hear-result')).toHaveProperty('disabled', true);
  });

  it('plays a long result bit by bit instead of fetching it as a whole', async () => {
    const comparison = await open({ output: anOutput({ duration: 36_000 }) });
    const result = comparison.querySelector('audio[data-side=result]');
    expect(result?.getAttribute('src')).toBe('/api/conversions/cnv_1/download?inline=1');
    expect(app.controller.conversionManager.fetchResult).not.toHaveBeenCalled();
  });

  it('says of a long result that it is only played, or why it is not', async () => {
    const comparison = await open({ output: anOutput({ duration: 36_000 }) });
    expect(notes()).toEqual([expect.stringMatching('Too long to draw')]);
    vi.mocked(app.api.getDownload).mockRejectedValueOnce(new ApiError(410, 'gone', 'Deleted.'));
    fireEvent.error(comparison.querySelector('audio[data-side=result]')!);
    await waitFor(() => expect(app.state.conversionProblems['cnv_1']?.code).toBe('gone'));
    await waitFor(() => expect(screen.getByTestId('hear-result')).toHaveProperty('disabled', true));
    expect(notes()).toEqual([]);
    cleanup();
    app.controller.store.dispatch({
      type: 'conversion-problem-changed',
      id: 'cnv_1',
      problem: undefined,
    });
    const other = await open({ output: anOutput({ duration: 36_000 }) });
    fireEvent.error(other.querySelector('audio[data-side=result]')!);
    await waitFor(() => expect(app.state.conversionProblems['cnv_1']?.code).toBe('unplayable'));
    expect(notes()).toEqual([]);
  });

  it('leaves out a source whose other track was converted, or that is gone', async () => {
    const tracks = [
      { index: 0, default: true },
      { index: 1, default: false },
    ] as Track[];
    const source = { ...aConversion().source!, tracks };
    await open({ source, options: { track: 1 } });
    await waitFor(() =>
      expect(notes()).toEqual([expect.stringMatching('a different audio track')]),
    );
    expect(screen.getByTestId('hear-source')).toHaveProperty('disabled', true);
    cleanup();
    app.controller.sourceFiles.clear();
    await open();
    await waitFor(() =>
      expect(notes()).toEqual([expect.stringMatching('no longer has the source')]),
    );
  });

  it('leaves out a side that the browser cannot play', async () => {
    const comparison = await open();
    await waitFor(() =>
      expect(screen.getByTestId('hear-source')).toHaveProperty('disabled', false),
    );
    fireEvent.error(comparison.querySelector('audio[data-side=source]')!);
    await waitFor(() => expect(notes()).toEqual([expect.stringMatching('cannot play the source')]));
    expect(screen.getByTestId('hear-result')).toHaveProperty('checked', true);
  });
});
