// @vitest-environment jsdom
import { cleanup, render, screen, within } from '@testing-library/preact';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { DraftToolbar } from '../../src/components/DraftToolbar';
import { ListToolbar } from '../../src/components/ListToolbar';
import { draftsOf } from '../../src/state/reducer';
import { lastSettings } from '../../src/storage/preferences';
import { aFile, FakeApp } from '../fakes/app';
import { FORMATS } from '../fakes/documents';

let app: FakeApp;

beforeEach(async () => {
  app = new FakeApp();
  await app.controller.start();
});
afterEach(cleanup);

describe('the toolbar of new files', () => {
  const change = (testId: string, value: string) => {
    const select = screen.getByTestId<HTMLSelectElement>(testId);
    select.value = value;
    select.dispatchEvent(new Event('change', { bubbles: true }));
  };

  beforeEach(() => {
    app.controller.addFiles([aFile('a.wav'), aFile('b.wav')]);
    const [a, b] = app.rows;
    const { uploadManager } = app.controller;
    uploadManager.setSettings(a!.key, { format: 'mp3', bitrate: '192k', start: 5, fade_in: 1 });
    uploadManager.setSettings(b!.key, { format: 'mp3', bitrate: '192k', end: 9, track: 1 });
    const { controller, state } = app;
    render(<DraftToolbar drafts={draftsOf(state)} formats={FORMATS} controller={controller} />);
  });

  it.each([
    ['a format', 'format-select', 'flac', { format: 'flac' }],
    ['an option', 'option-bitrate', '320k', { format: 'mp3', bitrate: '320k' }],
    ['a preset', 'preset-select', '1', { format: 'flac' }],
  ])('gives all %s, and leaves each its own cut', (_, testId, value, chosen) => {
    change(testId, value);
    expect(app.rows.map(({ settings }) => settings)).toEqual([
      { ...chosen, start: 5, fade_in: 1 },
      { ...chosen, end: 9, track: 1 },
    ]);
  });

  it('alone decides what several files begin with', () => {
    expect(lastSettings(2)).toBeUndefined();
    change('option-bitrate', '320k');
    expect(lastSettings(2)).toEqual({ format: 'mp3', bitrate: '320k' });
  });
});

describe('the toolbar of all files', () => {
  it('can cancel the packing however few results are left', () => {
    const { controller, state } = app;
    const packing = { packed: 1, count: 3 };
    render(<ListToolbar state={{ ...state, packing }} controller={controller} />);
    const toolbar = within(screen.getByTestId('list-toolbar'));
    expect(toolbar.getByRole('button', { name: 'Cancel download (1 of 3 ready)' })).toBeDefined();
  });
});
