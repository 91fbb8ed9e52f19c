import type { SignedPart } from '../../api/types';

/** URLs per call: enough for all parts in flight, few enough not to expire on a slow connection. */
const BATCH_SIZE = 32;
/** A URL is not used if it expires within this time. */
const EXPIRY_MARGIN_MS = 15_000;

/** Request presigned URLs in small batches, shortly before they are needed. */
export class PresignedUrlCache {
  private readonly urls = new Map<number, SignedPart>();
  private lastCall: Promise<unknown> = Promise.resolve();

  constructor(
    /** The parts that will need a URL, in the order in which they are sent. */
    private readonly partNumbers: readonly number[],
    private readonly sign: (partNumbers: number[]) => Promise<SignedPart[]>,
    private readonly now: () => number = Date.now,
  ) {}

  /** Return a URL and remove it. Calls wait for each other, so that they share one batch. */
  take(partNumber: number): Promise<SignedPart> {
    const result = this.lastCall.then(() => this.takeOrSign(partNumber));
    this.lastCall = result.catch(() => undefined);
    return result;
  }

  /** Drop all URLs. If S3 refused one, those of the same batch are refused as well. */
  clear(): void {
    this.urls.clear();
  }

  private async takeOrSign(partNumber: number): Promise<SignedPart> {
    if (!this.isUsable(partNumber)) {
      const following = this.partNumbers.filter((n) => n > partNumber && !this.isUsable(n));
      const signed = await this.sign([partNumber, ...following].slice(0, BATCH_SIZE));
      signed.forEach((part) => this.urls.set(part.part_number, part));
    }
    // A new URL is used without another check, because the clock of this device may be wrong.
    const part = this.urls.get(partNumber);
    if (!part) throw new Error(`the service returned no URL for part ${partNumber}`);
    this.urls.delete(partNumber);
    return part;
  }

  private isUsable(partNumber: number): boolean {
    const part = this.urls.get(partNumber);
    return part !== undefined && Date.parse(part.expires_at) - EXPIRY_MARGIN_MS > this.now();
  }
}
