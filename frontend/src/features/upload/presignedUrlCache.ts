import type { SignedPart } from '../../api/types';

/** Enough for every lane and a little ahead, few enough that a slow line does not let them expire. */
const BATCH = 8;
/** A URL must outlive the start of its request. */
const MARGIN_MS = 15_000;

/** Presigned URLs, asked for in small batches just before they are needed. */
export class Signer {
  private readonly ready = new Map<number, SignedPart>();
  private turn: Promise<unknown> = Promise.resolve();

  constructor(
    /** The parts that will be wanted, in order. */
    private readonly wanted: readonly number[],
    private readonly sign: (numbers: number[]) => Promise<SignedPart[]>,
    private readonly now: () => number = Date.now,
  ) {}

  /** A URL for one request. Lanes take turns, so that one call to the service serves them all. */
  get(n: number): Promise<SignedPart> {
    const mine = this.turn.then(() => this.take(n));
    this.turn = mine.catch(() => undefined);
    return mine;
  }

  /** Storage refused a URL: those signed together with it are no better. */
  distrust(): void {
    this.ready.clear();
  }

  private async take(n: number): Promise<SignedPart> {
    if (!this.fresh(n)) {
      const ahead = this.wanted.filter((each) => each > n && !this.fresh(each));
      const parts = await this.sign([n, ...ahead].slice(0, BATCH));
      parts.forEach((part) => this.ready.set(part.part_number, part));
    }
    // A URL that was just signed is used even if this computer's clock says that it has expired.
    const part = this.ready.get(n);
    if (!part) throw new Error(`no URL came back for part ${n}`);
    this.ready.delete(n);
    return part;
  }

  private fresh(n: number): boolean {
    const part = this.ready.get(n);
    return part !== undefined && Date.parse(part.expires_at) - MARGIN_MS > this.now();
  }
}
