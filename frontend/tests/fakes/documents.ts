import type { Conversion, Format, Output, Progress, Upload } from '../../src/api/types';

export const PART_SIZE = 10;
export const FILE_SIZE = 95;

export function anUpload(change: Partial<Upload> = {}): Upload {
  return {
    id: 'upl_1',
    status: 'uploading',
    filename: 'song.wav',
    size: FILE_SIZE,
    content_type: 'audio/wav',
    part_size: PART_SIZE,
    part_count: 10,
    completed_parts: [],
    uploaded_bytes: 0,
    percent: 0,
    conversions: [],
    version: 1,
    created_at: '2026-01-01T10:00:00Z',
    updated_at: '2026-01-01T10:00:00Z',
    expires_at: '2026-01-02T10:00:00Z',
    ...change,
  };
}

export function aConversion(change: Partial<Conversion> = {}): Conversion {
  return {
    id: 'cnv_1',
    upload_id: 'upl_1',
    status: 'converting',
    phase: 'converting',
    percent: 40,
    format: 'mp3',
    options: { bitrate: '192k' },
    warnings: [],
    warning_details: [],
    attempts: 1,
    version: 5,
    created_at: '2026-01-01T10:00:00Z',
    updated_at: '2026-01-01T10:00:00Z',
    expires_at: '2026-01-02T10:00:00Z',
    ...change,
  };
}

export function anOutput(change: Partial<Output> = {}): Output {
  return {
    filename: 'song.mp3',
    size: 9,
    media_type: 'audio/mpeg',
    duration: 61,
    sha256: '0'.repeat(64),
    ...change,
  };
}

export function aProgress(change: Partial<Progress> = {}): Progress {
  return {
    id: 'cnv_1',
    kind: 'conversion',
    status: 'converting',
    phase: 'converting',
    percent: 50,
    version: 6,
    updated_at: '2026-01-01T10:00:00Z',
    ...change,
  };
}

export const MP3: Format = {
  format: 'mp3',
  extension: 'mp3',
  media_type: 'audio/mpeg',
  lossless: false,
  options: {
    bitrate: ['128k', '192k', '320k'],
    quality: { min: 0, max: 9, default: 2, best: 0 },
    sample_rate: [44100, 48000],
    channels: [1, 2],
  },
};

export const FLAC: Format = {
  format: 'flac',
  extension: 'flac',
  media_type: 'audio/flac',
  lossless: true,
  options: { sample_rate: [44100, 96000], channels: [1, 2, 6], bit_depth: [16, 24] },
};

export const FORMATS = [MP3, FLAC];
