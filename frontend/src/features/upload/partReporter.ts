import { ApiError } from '../../api/errors';
import type { Upload } from '../../api/types';

/** Parts per report. A report costs the service as much for eight parts as for one. */
const BATCH_SIZE = 8;
/** Time after which a part is reported without waiting for others, as on a slow connection. */
const MAX_INTERVAL_MS = 5_000;

export interface PartReporterOptions {
  report: (partNumbers: number[]) => Promise<Upload>;
  onReported: (upload: Upload) => void;
  onError: (error: Error) => void;
  now: () => number;
}

/** Tell the service which parts are in S3, several at a time and one report after the other. */
export class PartReporter {
  private pending: number[] = [];
  private reportedAt: number;
  private lastReport: Promise<void> = Promise.resolve();

  constructor(private readonly options: PartReporterOptions) {
    this.reportedAt = options.now();
  }

  add(partNumber: number): void {
    this.pending.push(partNumber);
    const isDue = this.options.now() - this.reportedAt >= MAX_INTERVAL_MS;
    if (isDue || this.pending.length >= BATCH_SIZE) void this.flush();
  }

  /** Report all parts that are left, and wait for the response. */
  flush(): Promise<void> {
    const partNumbers = this.pending;
    this.pending = [];
    this.reportedAt = this.options.now();
    if (partNumbers.length) {
      this.lastReport = this.lastReport.then(() => this.report(partNumbers));
    }
    return this.lastReport;
  }

  private async report(partNumbers: number[]): Promise<void> {
    const { report, onReported, onError } = this.options;
    try {
      onReported(await report(partNumbers));
    } catch (error) {
      // The answer to the completion lists the parts that are missing: they are sent again then.
      const isAboutParts = error instanceof ApiError && error.code === 'part_size_mismatch';
      if (!isAboutParts) onError(error as Error);
    }
  }
}
