// @vitest-environment jsdom
import { beforeEach, describe, expect, it } from 'vitest';
import { supportedSettings } from '../../../src/features/conversion/conversionSettings';
import { loadSettings, saveSettings } from '../../../src/storage/preferences';
import { FORMATS } from '../../fakes/documents';

const cut = { format: 'mp3', bitrate: '192k', start: 1, end: 2, fade_in: 0.5, normalize: -16 };

beforeEach(() => localStorage.clear());

describe('a cut', () => {
  it('is kept when its draft is restored', () => {
    expect(supportedSettings(cut, FORMATS)).toEqual(cut);
  });

  it('is not the setting of the next file', () => {
    saveSettings(cut);
    expect(loadSettings().last).toEqual({ format: 'mp3', bitrate: '192k', normalize: -16 });
  });
});
