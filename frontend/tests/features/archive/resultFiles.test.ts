import { expect, it } from 'vitest';
import { cleanFolder } from '../../../src/features/archive/cleanFolder';
import { resultFiles } from '../../../src/features/archive/resultFiles';

type Given = Parameters<typeof resultFiles>[0];

/** Return the paths in an archive of one result for each source. */
function pathsOf(sources: (string | undefined)[]): string[] {
  const entries = sources.map((path, i) => ({
    row: { key: `${i}`, name: 'song.wav', path, stage: 'uploaded', upload: { id: `upl_${i}` } },
    conversion: {
      id: `cnv_${i}`,
      upload_id: `upl_${i}`,
      created_at: '2026-01-01T00:00:00Z',
      output: { filename: 'song.mp3' },
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

it.each(['日本語', 'Für Elise – №5', 'می\u200cخواهم', '👨\u200d👩\u200d👧', 'console', 'R&B'])(
  'keeps the name %j',
  (name) => expect(cleanFolder(name)).toBe(name),
);

it('shortens a long name, and leaves no dot at its end', () => {
  expect(cleanFolder(`${'x'.repeat(119)}.${'y'.repeat(200)}`)).toBe('x'.repeat(119));
});
