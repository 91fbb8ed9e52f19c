// @vitest-environment jsdom
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { describeProblem, describeWarning } from '../../src/api/errors';
import { preferredLanguage, setLanguage } from '../../src/i18n';
import { de } from '../../src/i18n/de';
import { en } from '../../src/i18n/en';
import { factsCatalogues } from '../../src/i18n/facts';
import { reselectCatalogues } from '../../src/i18n/reselect';
import { sharedFilesCatalogues } from '../../src/i18n/sharedFiles';
import { shownTime, spokenTime, waveformCatalogues } from '../../src/i18n/waveform';

/** Words that are the same in both languages. */
const SAME = new Set(['Live', 'Offline', 'Mono', 'Stereo', 'Details', 'Original', 'Bitrate']);

/** List all sentences with their paths. Functions get sample values. */
function sentences(value: unknown, path = ''): [string, string][] {
  if (typeof value === 'function') {
    const samples = Array.from({ length: value.length }, (_, i) => (i ? 2 : 'song.mp3'));
    return [[path, String(value(...samples))]];
  }
  if (typeof value === 'string') return [[path, value]];
  return Object.entries(value as object).flatMap(([name, each]) =>
    sentences(each, path ? `${path}.${name}` : name),
  );
}

/** Return the keys of all reasons in the table of failures in docs/api.md: code, `/`, reason. */
function documentedReasons(): string[] {
  const [, rest = ''] = readFileSync('../docs/api.md', 'utf8').split(
    '`error.code` of a failed conv',
  );
  const table = rest.match(/^\|[^]*?\n\n/m)?.[0] ?? '';
  let code = '';
  return [...table.matchAll(/^\| (?:`(\w+)` )?\| (?:`(\w+)` )?\|/gm)].flatMap((match) => {
    code = match[1] ?? code;
    return match[2] && code !== 'code' ? [`${code}/${match[2]}`] : [];
  });
}

/** Return the codes in the first table of docs/api.md that follows a text. */
function documentedCodes(text: string): string[] {
  const [, rest = ''] = readFileSync('../docs/api.md', 'utf8').split(text);
  const table = rest.match(/^\|[^]*?\n\n/m)?.[0] ?? '';
  const cells = [...table.matchAll(/^\| (?:\d{3} \| )?(`.*?) \|/gm)].map((match) => match[1]!);
  const codes = cells.flatMap((cell) => [...cell.matchAll(/`(\w+)`/g)].map((match) => match[1]!));
  return codes.filter((code) => code !== 'code');
}

/** All catalogues. Some are loaded with what they are about. */
const german = {
  ...de,
  facts: factsCatalogues.de,
  reselect: reselectCatalogues.de,
  sharedFiles: sharedFilesCatalogues.de,
  waveform: waveformCatalogues.de,
};
const english = {
  ...en,
  facts: factsCatalogues.en,
  reselect: reselectCatalogues.en,
  sharedFiles: sharedFilesCatalogues.en,
  waveform: waveformCatalogues.en,
};

describe('the German catalogue', () => {
  it('has every sentence of the English one', () => {
    const own = new Map(sentences(german));
    const optional = /^(advice|warnings|problems)\./;
    const missing = sentences(english).filter(([path]) => !own.get(path) && !optional.test(path));
    expect(missing).toEqual([]);
    expect(Object.keys(en.problems).filter((code) => !de.problems[code])).toEqual([]);
  });

  it('leaves no sentence in English', () => {
    const inEnglish = new Map(sentences(english));
    const words = (text: string) =>
      /[a-z]{3}/.test(text) && !/^\W*(Podcast|song\.mp3\W*\d*$)/.test(text);
    const untranslated = sentences(german).filter(
      ([path, text]) => inEnglish.get(path) === text && !SAME.has(text) && words(text),
    );
    expect(untranslated).toEqual([]);
  });

  it('has a sentence for every error and warning that the API documents', () => {
    const errors = documentedCodes('## Errors\n');
    const failures = documentedCodes('`error.code` of a failed conversion');
    const warnings = documentedCodes('`warning_details` holds the same');
    expect(errors.length).toBeGreaterThan(25);
    expect(failures.length).toBeGreaterThan(8);
    expect(warnings.length).toBeGreaterThan(15);
    expect([...errors, ...failures].filter((code) => !de.problems[code])).toEqual([]);
    expect(warnings.filter((code) => !de.warnings[code])).toEqual([]);
  });

  it('has a sentence for every reason that the API documents', () => {
    const reasons = documentedReasons();
    expect(reasons.length).toBeGreaterThan(8);
    expect(reasons.filter((reason) => !de.problems[reason])).toEqual([]);
  });
});

describe('the English page', () => {
  it('adds no advice to a sentence of the conversion service, which contains it', () => {
    const source = readFileSync('../services/conversion/pipeline/failures.py', 'utf8');
    const codes = [...source.matchAll(/Failure\(\s*"(\w+)"/g)].map((match) => match[1]!);
    expect(codes.length).toBeGreaterThan(10);
    expect(codes.filter((code) => en.advice[code])).toEqual([]);
  });
});

describe('a time', () => {
  it('is said in words and shown in digits', async () => {
    expect([0, 1, 3.5, 60, 125.04].map(spokenTime)).toEqual([
      '0 seconds',
      '1 second',
      '3.5 seconds',
      '1 minute',
      '2 minutes 5 seconds',
    ]);
    expect([0, 59.96, 125.5, 3_725.5].map(shownTime)).toEqual([
      '0:00.0',
      '1:00.0',
      '2:05.5',
      '1:02:05.5',
    ]);
    await setLanguage('de');
    expect(spokenTime(61.5)).toBe('1 Minute 1,5 Sekunden');
    expect(shownTime(3.5)).toBe('0:03,5');
    await setLanguage('en');
  });
});

describe('the language', () => {
  it('is the first one that the browser prefers and the page has', () => {
    expect(preferredLanguage(['fr-FR', 'de-AT', 'en'])).toBe('de');
    expect(preferredLanguage(['fr'])).toBe('en');
  });

  it('decides in which words a problem is described', async () => {
    const unknown = { code: 'brand_new', detail: 'Something new.' };
    const known = { code: 'too_long', detail: 'The file is too long.' };
    expect(describeProblem(unknown)).toEqual({ text: 'Something new.', lang: undefined });
    await setLanguage('de');
    expect(describeProblem(unknown)).toEqual({ text: 'Something new.', lang: 'en' });
    expect(describeProblem(known)).toEqual({ text: de.problems.too_long });
    expect(describeWarning({ code: 'clipped', detail: '' })).toEqual({ text: de.warnings.clipped });
    const late = { code: 'corrupt', detail: 'Too late.', reason: 'start_after_end' };
    expect(describeProblem(late)).toEqual({ text: de.problems['corrupt/start_after_end'] });
    expect(describeProblem({ ...late, reason: 'newer' })).toEqual({
      text: 'Too late.',
      lang: 'en',
    });
    await setLanguage('en');
  });
});
