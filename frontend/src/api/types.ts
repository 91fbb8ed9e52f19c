/**
 * Types of the HTTP contract, with the field names of the JSON documents.
 *
 * `make api-types` will replace this file once the services describe all of their responses.
 */

export type UploadStatus = 'uploading' | 'uploaded' | 'failed' | 'aborted';
export type ConversionStatus = 'queued' | 'converting' | 'completed' | 'failed' | 'cancelled';
export type Phase = 'waiting' | 'queued' | 'probing' | 'converting' | 'storing' | 'done';

export interface Problem {
  code: string;
  detail: string;
}

/** A format and its options: the body of POST /api/conversions without `upload_id`. */
export interface ConversionSettings {
  format: string;
  bitrate?: string;
  quality?: number;
  sample_rate?: number;
  channels?: number;
  bit_depth?: number;
}

export interface Upload {
  id: string;
  status: UploadStatus;
  filename: string;
  size: number;
  content_type?: string | null;
  part_size: number;
  part_count: number;
  completed_parts: number[];
  uploaded_bytes: number;
  percent: number;
  conversions: string[];
  error?: Problem | null;
  version: number;
  created_at: string;
  updated_at: string;
  expires_at: string;
}

export interface UploadRequest {
  filename: string;
  size: number;
  content_type?: string;
  convert?: ConversionSettings;
}

export interface PresignedPart {
  part_number: number;
  url: string;
  headers: Record<string, string>;
  expires_at: string;
}

export interface SourceInfo {
  codec?: string | null;
  container?: string | null;
  duration?: number | null;
  sample_rate?: number | null;
  channels?: number | null;
  bit_depth?: number | null;
  bitrate?: number | null;
  has_cover?: boolean | null;
}

export interface OutputFile {
  filename: string;
  size: number;
  media_type: string;
  duration?: number | null;
  sha256?: string | null;
}

export interface Conversion {
  id: string;
  upload_id: string;
  status: ConversionStatus;
  phase: Phase;
  percent: number;
  eta_seconds?: number | null;
  speed?: number | null;
  format: string;
  options?: Omit<ConversionSettings, 'format'> | null;
  source?: SourceInfo | null;
  output?: OutputFile | null;
  warnings?: string[];
  error?: Problem | null;
  attempts?: number;
  queue_position?: number | null;
  version: number;
  created_at: string;
  started_at?: string | null;
  finished_at?: string | null;
  expires_at: string;
}

export interface Progress {
  id: string;
  kind: 'upload' | 'conversion';
  status: UploadStatus | ConversionStatus;
  phase?: Phase | string | null;
  percent: number;
  eta_seconds?: number | null;
  speed?: number | null;
  uploaded_bytes?: number | null;
  size?: number | null;
  completed_parts?: number | null;
  part_count?: number | null;
  queue_position?: number | null;
  error?: Problem | null;
  version: number;
  updated_at?: string;
}

export interface FormatOptions {
  bitrate?: string[] | null;
  quality?: { min: number; max: number; default: number; best?: number | null } | null;
  sample_rate?: number[] | null;
  channels?: number[] | null;
  bit_depth?: number[] | null;
}

export interface Format {
  format: string;
  extension: string;
  media_type: string;
  lossless: boolean;
  options: FormatOptions;
}

export interface Page<T> {
  items: T[];
  next?: string | null;
}
