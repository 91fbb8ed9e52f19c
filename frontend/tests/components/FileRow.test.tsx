// @vitest-environment jsdom
import { cleanup, fireEvent, render, screen, within } from '@testing-library/preact';
import { afterEach, describe, expect, it, vi } from 'vitest';
import type { Conversion } from '../../src/api/types';
import { AppController } from '../../src/appController';
import { FileRow } from '../../src/components/FileRow';
import type { Transfer } from '../../src/features/upload/transfer';
import type { Row } from '../../src/state/state';
import { aConversion, anOutput, anUpload, FORMATS } from '../fakes/documents';
import { FakeUploadStorage } from '../fakes/uploadStorage';

const controller = new AppController({ storage: new FakeUploadStorage() });
const draft: Row = {
  key: 'k',
  name: '<b>song</b>.wav',
  size: 95,
  stage: 'draft',
  settings: { format: 'mp3', bitrate: '192k' },
};
const transfer: Transfer = {
  phase: 'uploading',
  completedParts: new Set([1, 2, 3]),
  partProgress: { 4: 0.5 },
  sentBytes: 35,
  isWaitingForTurn: false,
  viaService: false,
};
const uploading: Partial<Row> = { stage: 'uploading', upload: anUpload(), transfer };
const uploaded: Partial<Row> = { stage: 'uploaded', upload: anUpload({ status: 'uploaded' }) };

const listWith = (change: Partial<Row>, conversions: Conversion[] = []) => (
  <ul>
    <FileRow
      row={{ ...draft, ...change }}
      conversions={conversions}
      conversionProblems={{}}
      formats={FORMATS}
      isOnlyDraft
      language="en"
      controller={controller}
    />
  </ul>
);
const renderRow = (change: Partial<Row>, conversions: Conversion[] = []) =>
  render(listWith(change, conversions));

afterEach(cleanup);

describe('a row', () => {
  it('has the name of its file, which is never interpreted as HTML', () => {
    const { container } = renderRow({});
    expect(screen.getByRole('listitem', { name: '<b>song</b>.wav' })).toBeDefined();
    expect(container.querySelector('b')).toBeNull();
  });

  it('gives every button a name', () => {
    renderRow(uploading, [aConversion()]);
    const buttons = screen.getAllByRole('button');
    expect(buttons.length).toBeGreaterThan(2);
    for (const button of buttons) {
      const name = button.getAttribute('aria-label') ?? button.textContent;
      expect(name?.trim(), button.outerHTML).toBeTruthy();
    }
  });

  it('labels every field of a draft', () => {
    renderRow({});
    for (const label of ['Convert to', 'Bitrate', 'Sample rate', 'Channels']) {
      expect(screen.getByLabelText(label).tagName).toBe('SELECT');
    }
    expect(screen.getByTestId('option-bitrate')).toHaveProperty('value', '192k');
  });

  it('starts when its form is submitted by the keyboard', () => {
    const start = vi.spyOn(controller.uploadManager, 'start').mockImplementation(() => undefined);
    renderRow({});
    fireEvent.submit(screen.getByRole('group', { name: /Settings for/ }));
    expect(start).toHaveBeenCalledWith('k');
  });
});

describe('the focus', () => {
  it('moves to the row when the focused button is removed', () => {
    const { rerender } = renderRow({});
    screen.getByTestId('convert-button').focus();
    rerender(listWith({ stage: 'queued' }));
    expect(document.activeElement).toBe(screen.getByRole('listitem'));
  });

  it('moves into the form that a button opens, and back', () => {
    renderRow(uploaded);
    fireEvent.click(screen.getByTestId('convert-again-button'));
    expect(document.activeElement).toBe(screen.getByTestId('format-select'));
    fireEvent.click(screen.getByText('Close'));
    expect(document.activeElement).toBe(screen.getByTestId('convert-again-button'));
  });

  it('is not taken from another element', () => {
    const { rerender } = renderRow({});
    rerender(listWith({ stage: 'queued' }));
    expect(document.activeElement).toBe(document.body);
  });
});

describe('the progress bars', () => {
  it('show the upload as numbers and as text', () => {
    renderRow(uploading);
    const bar = screen.getByRole('progressbar', { name: /Upload of/ });
    expect(bar.getAttribute('aria-valuenow')).toBe('36');
    expect(bar.getAttribute('aria-valuemin')).toBe('0');
    expect(bar.getAttribute('aria-valuemax')).toBe('100');
    expect(bar.getAttribute('aria-valuetext')).toBe('Uploading, 36%, 3 of 10 chunks arrived');
    expect(screen.getByTestId('upload-chunks').textContent).toBe('3 of 10 chunks arrived');
  });

  it('show the phase, the speed and the time left of a conversion', () => {
    const conversion = aConversion({ percent: 40.7, speed: 12.4, eta_seconds: 20 });
    renderRow(uploaded, [conversion]);
    const bar = screen.getByRole('progressbar', { name: /Conversion of .* to MP3/ });
    expect(bar.getAttribute('aria-valuenow')).toBe('40');
    expect(bar.getAttribute('aria-valuetext')).toBe('Converting, 40%, 12x, 20 s left');
    expect(screen.getByTestId('conversion-status').textContent).toBe('Converting');
  });

  it('are not there before an upload is created, whose row says what it waits for', () => {
    const creating: Transfer = { ...transfer, phase: 'creating' };
    const { rerender } = renderRow({ stage: 'uploading', transfer: creating });
    expect(screen.queryByRole('progressbar')).toBeNull();
    expect(screen.getByText('95 B · preparing the upload')).toBeDefined();
    const waiting: Transfer = { ...creating, waitingFor: 'network' };
    rerender(listWith({ stage: 'uploading', transfer: waiting }));
    expect(screen.getByText('95 B · waiting for the network')).toBeDefined();
    rerender(listWith({ stage: 'queued' }));
    expect(screen.getByText('95 B · waiting for other uploads')).toBeDefined();
  });

  it('show that the upload waits for the network', () => {
    renderRow({ ...uploading, transfer: { ...transfer, waitingFor: 'network' } });
    expect(screen.getByText('Waiting for the network')).toBeDefined();
  });

  it.each([
    ['a single one', { ...uploading, upload: anUpload({ part_count: 1 }) }],
    ['a complete upload', uploaded],
  ])('count no chunks of %s', (_, change) => {
    renderRow(change);
    expect(screen.getByTestId('upload-bar')).toBeDefined();
    expect(screen.queryByTestId('upload-chunks')).toBeNull();
  });
});

describe('the content of a row', () => {
  const paused: Transfer = { ...transfer, phase: 'paused' };
  const error = { code: 'x', detail: 'It broke.' };
  const failed: Transfer = { ...transfer, phase: 'failed', error };

  it.each<[string, Partial<Row>, string[]]>([
    ['uploading', uploading, ['cancel-button', 'pause-button']],
    ['paused', { ...uploading, transfer: paused }, ['cancel-button', 'resume-button']],
    ['failed', { ...uploading, transfer: failed }, ['delete-button', 'retry-button']],
    ['uploaded', uploaded, ['convert-again-button', 'delete-button']],
  ])('has the right buttons while the upload is %s', (_, change, buttons) => {
    const { container } = renderRow(change);
    const ids = [...container.querySelectorAll('button')].map(({ dataset }) => dataset.testid);
    expect(ids.sort()).toEqual(buttons);
  });

  it('has download, player, facts and warnings of a result', () => {
    const output = anOutput({ size: 12 });
    const warning_details = [{ code: 'resampled', detail: 'Resampled to 48 kHz.' }];
    const done = { status: 'completed', phase: 'done', output, warning_details } as const;
    renderRow(uploaded, [aConversion(done)]);
    const link = screen.getByTestId('download-link');
    const player = screen.getByTestId('player');
    expect(link.getAttribute('href')).toBe('/api/conversions/cnv_1/download');
    expect(player.getAttribute('src')).toBe('/api/conversions/cnv_1/download?inline=1');
    expect(player.getAttribute('preload')).toBe('none');
    expect(screen.getByText('Resampled to 48 kHz.')).toBeDefined();
    expect(screen.getByText('1:01')).toBeDefined();
    expect(screen.getByText('−87%')).toBeDefined();
  });

  it('has a new player after one that failed, which begins where that one ended', () => {
    const explain = vi.spyOn(controller.conversionManager, 'explainPlayerError');
    explain.mockResolvedValue();
    renderRow(uploaded, [aConversion({ status: 'completed', phase: 'done', output: anOutput() })]);
    const failed = screen.getByTestId<HTMLAudioElement>('player');
    failed.currentTime = 7;
    fireEvent.error(failed);
    const player = screen.getByTestId<HTMLAudioElement>('player');
    expect(player).not.toBe(failed);
    fireEvent.loadedMetadata(player);
    expect(player.currentTime).toBe(7);
    expect(explain).toHaveBeenCalledWith('cnv_1');
  });

  it('has the facts of a result once its details are opened', async () => {
    renderRow(uploaded, [aConversion({ status: 'completed', phase: 'done', output: anOutput() })]);
    const details = screen.getByTestId<HTMLDetailsElement>('details');
    expect(screen.queryByText('SHA-256 of the result')).toBeNull();
    details.open = true;
    fireEvent(details, new Event('toggle'));
    expect(await screen.findByText('SHA-256 of the result')).toBeDefined();
  });

  it('has the reason of a failed conversion, and a retry button if it may help', () => {
    const reason = { code: 'corrupt', detail: 'The file is damaged. Try another copy.' };
    renderRow(uploaded, [aConversion({ status: 'failed', error: reason })]);
    const conversion = within(screen.getByRole('group', { name: /to MP3/ }));
    expect(conversion.getByTestId('error-message').textContent).toBe(reason.detail);
    expect(conversion.queryByTestId('retry-button')).toBeNull();
    cleanup();
    const slow = { code: 'timed_out', detail: 'It took too long.' };
    renderRow(uploaded, [aConversion({ status: 'failed', error: slow })]);
    expect(screen.getByTestId('retry-button')).toBeDefined();
  });

  it.each([
    ['not_audio', undefined, false],
    ['no_audio_stream', undefined, false],
    ['no_audio_stream', 'empty_track', true],
    ['no_audio_stream', 'no_such_track', true],
    ['corrupt', undefined, true],
  ])('offers another conversion if one may succeed: %s, %s', (code, reason, isOffered) => {
    const error = { code, detail: 'No.', ...(reason && { reason }) };
    renderRow(uploaded, [aConversion({ status: 'failed', error })]);
    expect(screen.queryAllByTestId('convert-again-button')).toHaveLength(isOffered ? 1 : 0);
  });

  it('asks for the same file if the upload was interrupted', async () => {
    const upload = anUpload({ completed_parts: [1, 2, 3], uploaded_bytes: 30 });
    renderRow({ stage: 'interrupted', upload });
    const text = 'Choose the same file again to continue: 3 of 10 chunks have arrived.';
    expect(await screen.findByText(text)).toBeDefined();
  });

  it('counts no chunks of a single one when it asks for the file', async () => {
    renderRow({ stage: 'interrupted', upload: anUpload({ part_count: 1 }) });
    expect(await screen.findByText('Choose the same file again to continue.')).toBeDefined();
  });
});
