import { expect, it } from 'vitest';
import { cleanFolder } from '../../../src/features/archive/cleanFolder';
import { resultFiles } from '../../../src/features/archive/resultFiles';

type Given = Parameters<typeof resultFiles>[0];

/** Return the paths in an archive of one result for each source. */
function pathsOf(sources: (string | undefined)[], filenames: string[] = []): string[] {
  const entries = sources.map((path, i) => ({
    row: { key: `${i}`, name: 'song.wav', path, stage: 'uploaded', upload: { id: `upl_${i}` } },
    conversion: {
      id: `cnv_${i}`,
      upload_id: `upl_${i}`,
      created_at: '2026-01-01T00:00:00Z',
      output: { filename: filenames[i] ?? 'song.mp3' },
    },
  }));
  const state = {
    rows: entries.map(({ row }) => row),
    conversions: Object.fromEntries(entries.map(({ conversion: c }) => [c.id, c])),
  };
  return resultFiles(state as unknown as Given).map(({ path }) => path);
}

it.each([
  ['Album/CD 1/song.wav', 'Album/CD 1/song.mp3'],
  ['../../.ssh/song.wav', 'ssh/song.mp3'],
  ['/etc//song.wav', 'etc/song.mp3'],
  ['C:/Windows/song.wav', 'C_/Windows/song.mp3'],
  ['..\\..\\Startup/song.wav', '_.._Startup/song.mp3'],
  ['Album. . /song.wav', 'Album/song.mp3'],
  ['con/NUL.txt/song.wav', 'folder_con/folder_NUL.txt/song.mp3'],
  ['A\u202eB\0\n/song.wav', 'AB/song.mp3'],
  [undefined, 'song.mp3'],
])('packs the result of %j as %j', (source, path) => {
  expect(pathsOf([source])).toEqual([path]);
});

it('gives no two results the same path after the folders are cleaned', () => {
  expect(pathsOf(['a:/song.wav', 'a?/song.wav', '../a_/song.wav'])).toEqual([
    'a_/song.mp3',
    'a_/song (2).mp3',
    'a_/song (3).mp3',
  ]);
});

it.each([
  ['song.mp3', 'SONG.mp3', 'SONG (2).mp3'],
  ['song.mp3', 'song.MP3', 'song (2).MP3'],
  ['F\u00fcr Elise.mp3', 'Fu\u0308r Elise.mp3', 'Fu\u0308r Elise (2).mp3'],
  ['F\u00fcr Elise.mp3', 'FU\u0308R ELISE.mp3', 'FU\u0308R ELISE (2).mp3'],
  ['Straße.mp3', 'STRASSE.mp3', 'STRASSE (2).mp3'],
  ['Straße.mp3', 'STRAẞE.mp3', 'STRAẞE (2).mp3'],
  ['λόγος.mp3', 'ΛΌΓΟΣ.mp3', 'ΛΌΓΟΣ (2).mp3'],
])('numbers %j and %j, which some systems take for the same', (first, second, numbered) => {
  expect(pathsOf([undefined, undefined], [first, second])).toEqual([first, numbered]);
});

it('gives no number that another spelling has', () => {
  const filenames = ['song.mp3', 'Song (2).mp3', 'SONG.mp3'];
  expect(pathsOf([undefined, undefined, undefined], filenames).at(-1)).toBe('SONG (3).mp3');
});

it('numbers files of folders that some systems take for the same', () => {
  expect(pathsOf(['Album/song.wav', 'ALBUM/song.wav'])).toEqual([
    'Album/song.mp3',
    'ALBUM/song (2).mp3',
  ]);
});

it.each(['日本語', 'Für Elise – №5', 'می\u200cخواهم', '👨\u200d👩\u200d👧', 'console', 'R&B'])(
  'keeps the name %j',
  (name) => expect(cleanFolder(name)).toBe(name),
);

it('shortens a long name, and leaves no dot at its end', () => {
  expect(cleanFolder(`${'x'.repeat(119)}.${'y'.repeat(200)}`)).toBe('x'.repeat(119));
});
