import type { ApiClient } from '../../api/client';

export type UploadCall =
  | 'createUpload'
  | 'getUpload'
  | 'signParts'
  | 'putPartToStorage'
  | 'putPartToService'
  | 'reportParts'
  | 'completeUpload';

/** The calls that an upload needs. */
export type UploadApi = Pick<ApiClient, UploadCall>;
