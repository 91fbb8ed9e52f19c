import type { ApiClient } from '../../api/client';
import type { Upload } from '../../api/types';
import type { Environment } from '../../lib/environment';
import type { Row } from '../../state/state';
import type { Store } from '../../state/store';
import type { AcquireLock } from '../../storage/locks';
import type { UploadStorage } from '../../storage/uploadStorage';
import type { ConversionSettings } from '../conversion/conversionSettings';

/** The parts of the page that the upload manager uses. */
export interface UploadManagerOptions {
  api: ApiClient;
  store: Store;
  storage: UploadStorage;
  environment: Environment;
  acquireLock: AcquireLock;
  /** Gets each file of this tab, and keeps it when it is uploaded. */
  sourceFiles: Map<string, File>;
  /** Called when an upload of this tab was created, and when it is complete. */
  onUploadAvailable: (upload: Upload) => void;
  deleteUpload: (uploadId: string) => Promise<void>;
  /** Converts a file that was uploaded early. Returns true if the conversion was started. */
  startConversion: (row: Row, settings: ConversionSettings) => Promise<boolean>;
}
