import type { ApiClient } from '../../api/client';

export type UploadCall =
  | 'createUpload'
  | 'getUpload'
  | 'signParts'
  | 'putPartToStorage'
  | 'putPartToService'
  | 'reportPart'
  | 'completeUpload';

/** The calls that an upload needs. */
export type UploadApi = Pick<ApiClient, UploadCall>;
