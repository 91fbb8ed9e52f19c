import type { ApiClient } from '../../api/client';
import { NetworkError } from '../../api/errors';
import type { Upload, StartUploadRequest } from '../../api/types';

/**
 * Return a `createUpload` that can be repeated.
 *
 * If the answer to a creation is lost, the upload may exist all the same. It is then looked for in
 * the list before another one is created. `isKnown` returns true for uploads that belong to other
 * rows.
 */
export function createUploadOnce(
  api: Pick<ApiClient, 'createUpload' | 'listUploads'>,
  isKnown: (uploadId: string) => boolean,
): ApiClient['createUpload'] {
  let isAnswerLost = false;
  return async (request) => {
    if (isAnswerLost) {
      const uploads = await api.listUploads();
      const created = uploads.find((upload) => matches(upload, request) && !isKnown(upload.id));
      if (created) return created;
    }
    try {
      return await api.createUpload(request);
    } catch (error) {
      isAnswerLost = error instanceof NetworkError;
      throw error;
    }
  };
}

function matches(upload: Upload, request: StartUploadRequest): boolean {
  return (
    upload.status === 'uploading' &&
    upload.filename === request.filename &&
    upload.size === request.size &&
    upload.completed_parts.length === 0
  );
}
