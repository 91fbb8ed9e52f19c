import type { StartUploadRequest } from '../../api/types';
import type { Row } from '../../state/state';

/** Return the request that creates the upload of a file. */
export function uploadRequest(
  { name, size, stage, settings }: Row,
  { type }: File,
): StartUploadRequest {
  return {
    filename: name,
    size,
    ...(type ? { content_type: type } : {}),
    // A draft has no settings yet that are final.
    ...(stage === 'draft' ? {} : { convert: settings }),
  };
}
