import {
  MultipartUploader,
  type MultipartUploaderOptions,
} from '../../src/features/upload/multipartUploader';
import { BandwidthLimiter } from '../../src/features/upload/bandwidthLimiter';
import type { Transfer } from '../../src/features/upload/transfer';
import type { UploadCall } from '../../src/features/upload/uploadApi';
import { FILE_SIZE } from './documents';
import { FakeEnvironment } from './environment';
import { FakeUploadApi } from './uploadApi';

/** Create an uploader for a file of ten parts, with a fake API and environment. */
export function createUploader(options: Partial<MultipartUploaderOptions> = {}) {
  const api = new FakeUploadApi();
  const environment = new FakeEnvironment();
  const transfers: Transfer[] = [];
  const createdAfterCancel: string[] = [];
  const uploader = new MultipartUploader({
    api,
    environment,
    limiter: new BandwidthLimiter(environment.now),
    file: new Blob([new Uint8Array(FILE_SIZE)]),
    request: { filename: 'song.wav', size: FILE_SIZE },
    onChange: (transfer) => transfers.push(transfer),
    onCreatedAfterCancel: (upload) => createdAfterCancel.push(upload.id),
    ...options,
  });
  const lastTransfer = () => transfers.at(-1);
  return { api, environment, uploader, transfers, lastTransfer, createdAfterCancel };
}

/** Make the next call of one kind fail, or only that for one part. */
export function failOnce(
  api: FakeUploadApi,
  call: UploadCall,
  error: Error,
  partNumber?: number,
): void {
  let hasFailed = false;
  api.beforeAnswer = (each, n) => {
    if (hasFailed || each !== call || (partNumber !== undefined && n !== partNumber)) return;
    hasFailed = true;
    throw error;
  };
}

/** Rounds of the event loop in `settle`. Six are enough for the longest chain of answers. */
const ROUNDS = 40;

/**
 * Wait until everything that needs no further event is done, to show that nothing happens.
 *
 * In each round, all answers and sleeps of the fakes end that had begun before it: timers of the
 * same length end in the order of their start. A time would be too short on a busy machine.
 */
export async function settle(): Promise<void> {
  for (let round = 0; round < ROUNDS; round++) {
    await new Promise((resolve) => setTimeout(resolve));
    await new Promise((resolve) => setImmediate(resolve));
  }
}
