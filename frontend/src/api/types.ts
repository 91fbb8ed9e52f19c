/**
 * Types of the HTTP API. Generated from openapi.json by `make api-types`: do not edit.
 */

export interface components {
  schemas: {
    Conversion: {
      attempts: number;
      /** @description RFC 3339, in UTC */
      created_at: string;
      error?: components['schemas']['Failure'];
      eta_seconds?: number;
      /** @description RFC 3339, in UTC */
      expires_at: string;
      /** @description RFC 3339, in UTC */
      finished_at?: string;
      format: string;
      id: string;
      options: components['schemas']['ConversionOptions'];
      output?: components['schemas']['Output'];
      percent: number;
      phase: components['schemas']['Phase'];
      queue_position?: number;
      source?: components['schemas']['Source'];
      /** @description seconds of audio a second */
      speed?: number;
      /** @description RFC 3339, in UTC */
      started_at?: string;
      status: components['schemas']['ConversionStatus'];
      /** @description RFC 3339, in UTC */
      updated_at: string;
      upload_id: string;
      version: number;
      warning_details: components['schemas']['Warning'][];
      warnings: string[];
    };
    ConversionList: {
      items: components['schemas']['Conversion'][];
      next: string | null;
    };
    ConversionOptions: {
      bit_depth?: number;
      bitrate?: string;
      channels?: number;
      /** @description seconds */
      end?: number;
      /** @description seconds */
      fade_in?: number;
      /** @description seconds */
      fade_out?: number;
      keep_delay?: boolean;
      /** @description LUFS */
      normalize?: number;
      quality?: number;
      sample_rate?: number;
      /** @description seconds */
      start?: number;
      track?: number;
    };
    ConversionRequest: {
      bit_depth?: number | null;
      bitrate?: string | null;
      channels?: number | null;
      end?: number | null;
      fade_in?: number | null;
      fade_out?: number | null;
      filename?: string | null;
      format: string;
      keep_delay?: boolean | null;
      normalize?: number | null;
      quality?: number | null;
      sample_rate?: number | null;
      start?: number | null;
      track?: number | null;
    };
    /** @enum {string} */
    ConversionStatus: 'queued' | 'converting' | 'completed' | 'failed' | 'cancelled';
    CreateConversionRequest: {
      bit_depth?: number | null;
      bitrate?: string | null;
      channels?: number | null;
      end?: number | null;
      fade_in?: number | null;
      fade_out?: number | null;
      filename?: string | null;
      format: string;
      keep_delay?: boolean | null;
      normalize?: number | null;
      quality?: number | null;
      sample_rate?: number | null;
      start?: number | null;
      track?: number | null;
      upload_id: string;
    };
    Download: {
      /** @description RFC 3339, in UTC */
      expires_at: string;
      filename: string;
      media_type: string;
      /** @description bytes */
      size: number;
      url: string;
    };
    EmptyRequest: Record<string, never>;
    Event: {
      data: string;
      /** @enum {string} */
      event: 'progress' | 'removed';
      /** @description <item>:<version> */
      id: string;
    };
    Failure: {
      code: string;
      /** @description a sentence for a person */
      detail: string;
      /** @description stable; the meaning of a code that has several */
      reason?: string;
    };
    FieldError: {
      field: string;
      message: string;
    };
    Format: {
      extension: string;
      format: string;
      lossless: boolean;
      media_type: string;
      options: components['schemas']['FormatOptions'];
    };
    FormatOptions: {
      bit_depth?: number[];
      bitrate?: string[];
      channels?: number[];
      quality?: components['schemas']['QualityRange'];
      sample_rate?: number[];
    };
    Formats: {
      formats: components['schemas']['Format'][];
    };
    Health: {
      checked?: string[];
      clock_skew_seconds?: number;
      status: string;
    };
    Output: {
      /** @description seconds */
      duration: number;
      filename: string;
      media_type: string;
      /** @description hexadecimal */
      sha256: string;
      /** @description bytes */
      size: number;
    };
    /** @enum {string} */
    Phase: 'waiting' | 'queued' | 'probing' | 'converting' | 'storing' | 'done';
    Problem: {
      /** @description stable, for programs */
      code: string;
      /** @description a sentence for a person; it may change */
      detail: string;
      errors?: components['schemas']['FieldError'][];
      /** @description bytes */
      expected?: number;
      /** @description bytes */
      limit?: number;
      missing_parts?: number[];
      option?: string;
      part_count?: number;
      /** @description seconds */
      retry_after?: number;
      status: number;
      title: string;
      type: string;
      unreachable?: {
        [key: string]: string;
      };
    };
    Progress: {
      /** @description their number */
      completed_parts?: number;
      error?: components['schemas']['Failure'];
      eta_seconds?: number;
      id: string;
      /** @enum {string} */
      kind: 'upload' | 'conversion';
      part_count?: number;
      percent: number;
      phase: string;
      queue_position?: number;
      /** @description bytes */
      size?: number;
      /** @description seconds of audio a second */
      speed?: number;
      status: string;
      /** @description RFC 3339, in UTC */
      updated_at: string;
      uploaded_bytes?: number;
      version: number;
    };
    QualityRange: {
      best: number;
      default: number;
      max: number;
      min: number;
    };
    ReportPartsRequest: {
      part_numbers: number[];
    };
    Session: {
      /** @description RFC 3339, in UTC */
      expires_at: string;
      token: string;
    };
    SignPartsRequest: {
      /** @enum {null|string} */
      checksum_algorithm?: 'crc32' | 'crc32c' | 'crc64nvme' | 'sha1' | 'sha256' | null;
      /** @description in Base64, by part number */
      checksums?: {
        [key: string]: string;
      };
      part_numbers: number[];
    };
    SignedPart: {
      /** @description RFC 3339, in UTC */
      expires_at: string;
      headers: {
        [key: string]: string;
      };
      part_number: number;
      url: string;
    };
    SignedParts: {
      parts: components['schemas']['SignedPart'][];
    };
    Source: {
      bit_depth?: number;
      /** @description bits a second */
      bitrate: number;
      channels: number;
      codec: string;
      container: string;
      /** @description seconds */
      duration?: number;
      has_cover: boolean;
      sample_rate: number;
      tags: {
        [key: string]: string;
      };
      /** @description all audio tracks */
      tracks: components['schemas']['Track'][];
    };
    StartUploadRequest: {
      content_type?: string | null;
      convert?:
        | components['schemas']['ConversionRequest']
        | components['schemas']['ConversionRequest'][]
        | null;
      filename: string;
      /** @description of the whole file, in hexadecimal */
      sha256?: string | null;
      /** @description bytes, at least 1 */
      size: number;
    };
    Track: {
      channels: number;
      codec: string;
      /** @description converted if the request names no track */
      default: boolean;
      index: number;
      /** @description ISO 639 */
      language?: string;
      sample_rate: number;
      title?: string;
    };
    Upload: {
      completed_parts: number[];
      content_type: string;
      conversions: string[];
      /** @description RFC 3339, in UTC */
      created_at: string;
      error?: components['schemas']['Failure'];
      /** @description RFC 3339, in UTC */
      expires_at: string;
      filename: string;
      id: string;
      part_count: number;
      /** @description bytes of every part but the last */
      part_size: number;
      percent: number;
      sha256?: string;
      /** @description bytes; 0 while unknown (tus, Uppy) */
      size: number;
      status: components['schemas']['UploadStatus'];
      /** @description RFC 3339, in UTC */
      updated_at: string;
      uploaded_bytes: number;
      version: number;
    };
    UploadLimits: {
      lifetime: number;
      max_file_size: number;
    };
    UploadList: {
      items: components['schemas']['Upload'][];
      limits: components['schemas']['UploadLimits'];
      next: string | null;
    };
    /** @enum {string} */
    UploadStatus: 'uploading' | 'uploaded' | 'failed' | 'aborted';
    Warning: {
      code: string;
      detail: string;
      reason?: string;
    };
  };
  responses: never;
  parameters: never;
  requestBodies: never;
  headers: never;
  pathItems: never;
}
export type Conversion = components['schemas']['Conversion'];
export type ConversionList = components['schemas']['ConversionList'];
export type ConversionOptions = components['schemas']['ConversionOptions'];
export type ConversionRequest = components['schemas']['ConversionRequest'];
export type ConversionStatus = components['schemas']['ConversionStatus'];
export type CreateConversionRequest = components['schemas']['CreateConversionRequest'];
export type Download = components['schemas']['Download'];
export type EmptyRequest = components['schemas']['EmptyRequest'];
export type Event = components['schemas']['Event'];
export type Failure = components['schemas']['Failure'];
export type FieldError = components['schemas']['FieldError'];
export type Format = components['schemas']['Format'];
export type FormatOptions = components['schemas']['FormatOptions'];
export type Formats = components['schemas']['Formats'];
export type Health = components['schemas']['Health'];
export type Output = components['schemas']['Output'];
export type Phase = components['schemas']['Phase'];
export type Problem = components['schemas']['Problem'];
export type Progress = components['schemas']['Progress'];
export type QualityRange = components['schemas']['QualityRange'];
export type ReportPartsRequest = components['schemas']['ReportPartsRequest'];
export type Session = components['schemas']['Session'];
export type SignPartsRequest = components['schemas']['SignPartsRequest'];
export type SignedPart = components['schemas']['SignedPart'];
export type SignedParts = components['schemas']['SignedParts'];
export type Source = components['schemas']['Source'];
export type StartUploadRequest = components['schemas']['StartUploadRequest'];
export type Track = components['schemas']['Track'];
export type Upload = components['schemas']['Upload'];
export type UploadLimits = components['schemas']['UploadLimits'];
export type UploadList = components['schemas']['UploadList'];
export type UploadStatus = components['schemas']['UploadStatus'];
export type Warning = components['schemas']['Warning'];
