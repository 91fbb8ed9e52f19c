// @vitest-environment jsdom
import { cleanup, render } from '@testing-library/preact';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { describeProblem, describeWarning } from '../../src/api/errors';
import type { Track } from '../../src/api/types';
import { SetAside } from '../../src/components/SetAside';
import { ResultFacts } from '../../src/features/conversion/ResultFacts';
import { TrackField } from '../../src/features/conversion/TrackField';
import { rememberPath } from '../../src/features/upload/filePaths';
import { shownText } from '../../src/lib/shownText';
import { aFile, FakeApp } from '../fakes/app';
import { aConversion, anUpload } from '../fakes/documents';
import { settle } from '../fakes/uploader';

/** It would be shown as "song-vaw.exe". */
const NAME = 'song-\u202eexe.wav';
const SHOWN = 'song-exe.wav';
const MARKS = [...'\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069'];

let app: FakeApp;

beforeEach(() => {
  app = new FakeApp();
});
afterEach(cleanup);

it.each(MARKS)('leaves out the mark %j', (mark) => {
  expect(shownText(`a${mark}b`)).toBe('ab');
});

it.each(['שיר.mp3', 'أغنية ١.wav', 'می\u200cخواهم.mp3', '👨\u200d👩\u200d👧.mp3', 'Für Elise.mp3'])(
  'shows %j as it is',
  (name) => expect(shownText(name)).toBe(name),
);

it('shows no mark of a chosen file, or of its folder', async () => {
  await app.controller.start();
  const file = aFile(NAME);
  rememberPath(file, `/Al\u202ebum/${NAME}`);
  app.controller.addFiles([file]);
  await settle();
  expect(app.rows).toMatchObject([{ name: SHOWN, path: `Album/${SHOWN}` }]);
});

it('shows no mark of a stored draft, and takes its file when it is chosen again', async () => {
  const record = { name: NAME, path: `Al\u202ebum/${NAME}`, size: 95, storedAt: Date.now() };
  await app.storage.save({ ...record, key: 'k1', settings: { format: 'mp3' } });
  await app.controller.start();
  expect(app.rows).toMatchObject([{ stage: 'interrupted', name: SHOWN, path: `Album/${SHOWN}` }]);

  app.controller.addFiles([aFile(NAME)]);
  await settle();
  expect(app.rows).toMatchObject([{ stage: 'draft', name: SHOWN }]);
});

it('shows no mark of an upload, or of another file that is chosen for it', async () => {
  app.listedUploads = [anUpload({ filename: NAME })];
  await app.controller.start();
  await app.controller.uploadRestorer.resumeWithFile(
    app.rows[0]!.key,
    aFile('other-\u202eexe.wav'),
  );
  await settle();
  expect(app.rows).toMatchObject([{ name: SHOWN, mismatchedFile: 'other-exe.wav' }]);
});

it('shows no mark of files that are set aside', () => {
  const names = ['note-\u202etxt.html', 'b'];
  const { container } = render(<SetAside names={names} onDismiss={() => undefined} />);
  expect(container.querySelector('p')!.title).toBe('note-txt.html\nb');
  expect(container.textContent).toContain('note-txt.html, b');
});

it('shows no mark of tags, of titles of tracks, or of a sentence that names one', () => {
  const tracks = ['One\u202e', 'Two'].map((title, index) => ({ title, index, codec: 'aac' }));
  const source = { ...aConversion().source!, tags: { 'ti\u202etle': 'So\u2066ng' } };
  const { container } = render(
    <>
      <ResultFacts conversion={aConversion({ source })} />
      <TrackField
        tracks={tracks as unknown as Track[]}
        settings={{ format: 'mp3' }}
        onChange={() => undefined}
      />
    </>,
  );
  expect(container.textContent).toContain('title: Song');
  expect(container.textContent).toContain('One, aac');
  expect(container.textContent).toBe(shownText(container.textContent!));
  const sent = { code: 'new_code', detail: 'A\u202e tag.' };
  expect(describeWarning(sent).text).toBe('A tag.');
  expect(describeProblem(sent).text).toBe('A tag.');
});
