// @vitest-environment jsdom
import { cleanup, fireEvent, render, screen, within } from '@testing-library/react';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { DropZone } from '../../src/features/upload/DropZone';
import { FileRow } from '../../src/components/FileRow';
import { LiveRegion } from '../../src/components/LiveRegion';
import { Session } from '../../src/appController';
import type { Row } from '../../src/state/reducer';
import type { Conversion } from '../../src/api/types';
import { aConversion, anUpload, FORMATS, MemoryKeeper } from '../fakes';

const session = new Session({ keeper: new MemoryKeeper() });
const base: Row = {
  key: 'k',
  name: '<b>song</b>.wav',
  size: 95,
  stage: 'draft',
  choice: { format: 'mp3', bitrate: '192k' },
};
const transfer = {
  phase: 'uploading' as const,
  done: new Set([1, 2, 3]),
  active: { 4: 0.5 },
  sentBytes: 35,
  viaService: false,
};

function show(change: Partial<Row>, conversions: Conversion[] = []) {
  return render(
    <ul>
      <FileRow
        row={{ ...base, ...change }}
        conversions={conversions}
        alone
        troubles={{}}
        formats={FORMATS}
        session={session}
      />
    </ul>,
  );
}

afterEach(cleanup);

describe('a row', () => {
  it('is named by its file, whose name is text and nothing else', () => {
    const { container } = show({});
    expect(screen.getByRole('listitem', { name: '<b>song</b>.wav' })).toBeDefined();
    expect(container.querySelector('b')).toBeNull();
  });

  it('gives every control a name', () => {
    show({ stage: 'sending', upload: anUpload(), transfer }, [aConversion()]);
    for (const control of [...screen.getAllByRole('button')]) {
      const name = control.getAttribute('aria-label') ?? control.textContent;
      expect(name?.trim(), control.outerHTML).toBeTruthy();
    }
  });

  it('labels every choice of a draft', () => {
    show({});
    for (const label of ['Convert to', 'Bitrate', 'Sample rate', 'Channels'])
      expect(screen.getByLabelText(label).tagName).toBe('SELECT');
    expect(screen.getByTestId('option-bitrate')).toHaveProperty('value', '192k');
  });

  it('starts by the keyboard, as any form does', () => {
    const convert = vi.spyOn(session.sending, 'convert').mockImplementation(() => undefined);
    show({});
    fireEvent.submit(screen.getByRole('form', { name: /How to convert/ }));
    expect(convert).toHaveBeenCalledWith('k');
  });
});

describe('the focus', () => {
  const row = (change: Partial<Row>) => (
    <ul>
      <FileRow
        row={{ ...base, ...change }}
        conversions={[]}
        alone
        troubles={{}}
        formats={FORMATS}
        session={session}
      />
    </ul>
  );

  it('stays in the row when the button that had it is drawn no more', () => {
    const { rerender } = render(row({}));
    screen.getByTestId('convert-button').focus();
    rerender(row({ stage: 'queued' }));
    expect(document.activeElement).toBe(screen.getByRole('listitem'));
  });

  it('goes into the form that a button opened, and back', () => {
    render(row({ stage: 'stored', upload: anUpload({ status: 'uploaded' }) }));
    fireEvent.click(screen.getByTestId('again-button'));
    expect(document.activeElement).toBe(screen.getByTestId('format-select'));
    fireEvent.click(screen.getByText('Not now'));
    expect(document.activeElement).toBe(screen.getByTestId('again-button'));
  });

  it('is not taken from elsewhere', () => {
    const { rerender } = render(row({}));
    rerender(row({ stage: 'queued' }));
    expect(document.activeElement).toBe(document.body);
  });
});

describe('the bars', () => {
  it('tell the upload in numbers and words', () => {
    show({ stage: 'sending', upload: anUpload(), transfer });
    const bar = screen.getByRole('progressbar', { name: /Upload of/ });
    expect(bar.getAttribute('aria-valuenow')).toBe('36');
    expect(bar.getAttribute('aria-valuemin')).toBe('0');
    expect(bar.getAttribute('aria-valuemax')).toBe('100');
    expect(bar.getAttribute('aria-valuetext')).toBe('Uploading, 36%, 3 of 10 chunks');
    expect(screen.getByTestId('upload-chunks').textContent).toBe('3 of 10 chunks');
  });

  it('tell the conversion with phase, speed and time left', () => {
    show({ stage: 'stored', upload: anUpload({ status: 'uploaded' }) }, [
      aConversion({ percent: 40.7, speed: 12.4, eta_seconds: 20 }),
    ]);
    const bar = screen.getByRole('progressbar', { name: /Conversion of .* to MP3/ });
    expect(bar.getAttribute('aria-valuenow')).toBe('40');
    expect(bar.getAttribute('aria-valuetext')).toBe('Converting, 40%, 12x, 20 s left');
    expect(screen.getByTestId('conversion-status').textContent).toBe('Converting');
  });

  it('say that they wait for the network', () => {
    show({ stage: 'sending', upload: anUpload(), transfer: { ...transfer, waiting: 'network' } });
    expect(screen.getByText('Waiting for network')).toBeDefined();
  });

  it('of one chunk say chunk', () => {
    show({ stage: 'stored', upload: anUpload({ status: 'uploaded', part_count: 1 }) });
    expect(screen.getByTestId('upload-chunks').textContent).toBe('1 of 1 chunk');
  });
});

describe('what a row offers', () => {
  it.each<[string, Partial<Row>, string[]]>([
    [
      'uploading',
      { stage: 'sending', upload: anUpload(), transfer },
      ['pause-button', 'cancel-button'],
    ],
    [
      'paused',
      { stage: 'sending', upload: anUpload(), transfer: { ...transfer, phase: 'paused' } },
      ['resume-button', 'cancel-button'],
    ],
    [
      'failed',
      {
        stage: 'sending',
        upload: anUpload(),
        transfer: { ...transfer, phase: 'failed', error: { code: 'x', detail: 'It broke.' } },
      },
      ['retry-button', 'delete-button'],
    ],
    [
      'stored',
      { stage: 'stored', upload: anUpload({ status: 'uploaded' }) },
      ['delete-button', 'again-button'],
    ],
  ])('%s', (_, change, wanted) => {
    const { container } = show(change);
    const ids = [...container.querySelectorAll('button')].map((button) => button.dataset.testid);
    expect(ids.sort()).toEqual([...wanted].sort());
  });

  it('of a result: download, player, what became of it', () => {
    const output = { filename: 'song.mp3', size: 12, media_type: 'audio/mpeg', duration: 61 };
    show({ stage: 'stored', upload: anUpload({ status: 'uploaded' }) }, [
      aConversion({
        status: 'completed',
        phase: 'done',
        output,
        warnings: ['Resampled to 48 kHz.'],
      }),
    ]);
    expect(screen.getByTestId('download-link').getAttribute('href')).toBe(
      '/api/conversions/cnv_1/download',
    );
    expect(screen.getByTestId('player').getAttribute('src')).toBe(
      '/api/conversions/cnv_1/download?inline=1',
    );
    expect(screen.getByTestId('player').getAttribute('preload')).toBe('none');
    expect(screen.getByText('Resampled to 48 kHz.')).toBeDefined();
    expect(screen.getByText('1:01')).toBeDefined();
    expect(screen.getByText('−87%')).toBeDefined();
  });

  it('of a failure: its reason and another try', () => {
    show({ stage: 'stored', upload: anUpload({ status: 'uploaded' }) }, [
      aConversion({ status: 'failed', error: { code: 'corrupt', detail: 'The file is damaged.' } }),
    ]);
    const conversion = screen.getByRole('region', { name: /to MP3/ });
    expect(within(conversion).getByTestId('error-message').textContent).toBe(
      'The file is damaged.',
    );
    expect(within(conversion).getByTestId('retry-button')).toBeDefined();
  });

  it('of an interrupted upload: to choose the same file', () => {
    show({ stage: 'orphan', upload: anUpload({ completed_parts: [1, 2, 3], uploaded_bytes: 30 }) });
    expect(
      screen.getByText('Choose the same file again to continue from chunk 4 of 10.'),
    ).toBeDefined();
  });
});

describe('around the rows', () => {
  it('the zone hands on all files that were picked', () => {
    const onFiles = vi.fn();
    render(<DropZone onFiles={onFiles} slim={false} disabled={false} />);
    const files = [new File(['a'], 'a.wav'), new File(['b'], 'b.mp4')];
    fireEvent.change(screen.getByTestId('file-input'), { target: { files } });
    expect(onFiles).toHaveBeenCalledWith(files);
  });

  it('a sentence that is said twice is said in another region, so that it is read again', () => {
    const { container, rerender } = render(<LiveRegion said={{ text: 'Ready.', n: 1 }} />);
    const filled = () =>
      [...container.querySelectorAll('p')].findIndex((p) => p.textContent === 'Ready.');
    const first = filled();
    rerender(<LiveRegion said={{ text: 'Ready.', n: 2 }} />);
    expect(filled()).not.toBe(first);
  });
});
