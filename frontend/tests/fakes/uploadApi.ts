import { NetworkError } from '../../src/api/errors';
import type { SignedPart, Upload, StartUploadRequest } from '../../src/api/types';
import type { UploadApi, UploadCall } from '../../src/features/upload/uploadApi';
import { abortable } from './abortable';
import { anUpload } from './documents';

/** The upload service and S3 in memory. */
export class FakeUploadApi implements UploadApi {
  calls: [call: UploadCall, partNumber?: number][] = [];
  usedUrls: string[] = [];
  /** The sizes of the parts that have arrived, by part number. */
  storedParts = new Map<number, number>();
  parallelPuts = 0;
  maxParallelPuts = 0;
  upload = anUpload();
  /** Called before each answer. May throw to make the call fail. */
  beforeAnswer: (call: UploadCall, partNumber?: number) => void | Promise<void> = () => undefined;
  /** If set, each PUT lasts until this promise resolves. */
  putBarrier: Promise<void> | undefined;

  private signatures = 0;

  countOf(call: UploadCall, partNumber?: number): number {
    return this.calls.filter(
      ([each, n]) => each === call && (partNumber === undefined || n === partNumber),
    ).length;
  }

  /** Return the part numbers of all calls of one kind, in ascending order. */
  partsOf(call: UploadCall): number[] {
    return this.calls
      .filter(([each]) => each === call)
      .map(([, partNumber]) => partNumber!)
      .sort((a, b) => a - b);
  }

  /** The keys of all requests to create an upload. */
  idempotencyKeys: string[] = [];

  createUpload = ({ filename }: StartUploadRequest, idempotencyKey: string) => {
    this.idempotencyKeys.push(idempotencyKey);
    return this.answer('createUpload', undefined, () => ({ filename }));
  };

  getUpload = () => this.answer('getUpload');

  reportedParts: number[] = [];

  reportParts = (_id: string, partNumbers: number[]) =>
    this.answer('reportParts', undefined, () => {
      this.reportedParts.push(...partNumbers);
      return this.withParts(...partNumbers);
    });

  completeUpload = () =>
    this.answer('completeUpload', undefined, () => ({
      status: 'uploaded',
      version: this.upload.version + 1,
    }));

  signParts = async (_id: string, partNumbers: number[]): Promise<SignedPart[]> => {
    this.calls.push(['signParts', partNumbers[0]]);
    await this.beforeAnswer('signParts', partNumbers[0]);
    this.signatures++;
    return partNumbers.map((partNumber) => ({
      part_number: partNumber,
      url: `https://storage/${partNumber}?signature=${this.signatures}`,
      headers: {},
      expires_at: '2099-01-01T00:00:00Z',
    }));
  };

  putPartToStorage: UploadApi['putPartToStorage'] = async (part, body, onBytesSent, signal) => {
    this.usedUrls.push(part.url);
    await this.put('putPartToStorage', part.part_number, body, onBytesSent, signal);
  };

  putPartToService: UploadApi['putPartToService'] = async (
    _id,
    partNumber,
    body,
    onBytesSent,
    signal,
  ) => {
    await this.put('putPartToService', partNumber, body, onBytesSent, signal);
    return this.change(this.withParts(partNumber));
  };

  private async put(
    call: UploadCall,
    partNumber: number,
    body: Blob,
    onBytesSent: (bytes: number) => void,
    signal: AbortSignal,
  ): Promise<void> {
    this.calls.push([call, partNumber]);
    this.maxParallelPuts = Math.max(this.maxParallelPuts, ++this.parallelPuts);
    try {
      onBytesSent(Math.ceil(body.size / 2));
      await abortable(signal, new NetworkError('aborted'), (resolve) => {
        void Promise.resolve(this.putBarrier).then(() => setTimeout(resolve, 1));
      });
      await this.beforeAnswer(call, partNumber);
      onBytesSent(body.size);
      this.storedParts.set(partNumber, body.size);
    } finally {
      this.parallelPuts--;
    }
  }

  private async answer(
    call: UploadCall,
    partNumber?: number,
    effect: () => Partial<Upload> = () => ({}),
  ): Promise<Upload> {
    this.calls.push([call, partNumber]);
    await this.beforeAnswer(call, partNumber);
    return this.change(effect());
  }

  private withParts(...partNumbers: number[]): Partial<Upload> {
    const parts = new Set([...this.upload.completed_parts, ...partNumbers]);
    return {
      completed_parts: [...parts].sort((a, b) => a - b),
      version: this.upload.version + 1,
    };
  }

  private change(change: Partial<Upload>): Upload {
    return (this.upload = { ...this.upload, ...change });
  }
}
