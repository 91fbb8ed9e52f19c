import type { Upload } from '../../api/types';
import type { Environment } from '../../lib/environment';
import type { WaitReason } from '../../api/retry';
import { SpeedMeter } from './speedMeter';
import { completedBytes, type Transfer } from './transfer';

/** Shortest time between two notifications about sent bytes. */
const NOTIFY_INTERVAL_MS = 150;

/** Time without a sent byte after which the upload counts as stalled. */
const STALL_MS = 4_000;

export interface TransferTrackerOptions {
  environment: Pick<Environment, 'now'>;
  upload?: Upload;
  viaService?: boolean;
  onChange: (transfer: Transfer) => void;
}

/** Hold the Transfer of one upload, compute sent bytes and speed, and report each change. */
export class TransferTracker {
  private transfer: Transfer;
  private readonly bytesInFlight = new Map<number, number>();
  private readonly speedMeter = new SpeedMeter();
  private notifiedAt = -Infinity;
  private lastMove = { at: -Infinity, bytes: 0 };
  /** The parts, by number, and requests that wait for their next attempt. */
  private readonly waits = new Map<unknown, WaitReason>();

  constructor(private readonly options: TransferTrackerOptions) {
    const { upload, viaService = false } = options;
    this.transfer = {
      phase: upload ? 'uploading' : 'creating',
      upload,
      completedParts: new Set(upload?.completed_parts),
      partProgress: {},
      sentBytes: completedBytes(new Set(upload?.completed_parts), upload),
      isWaitingForTurn: false,
      viaService,
    };
  }

  get current(): Transfer {
    return this.transfer;
  }

  /** Forget parts in flight and the measured speed before the upload starts or resumes. */
  restart(): void {
    this.bytesInFlight.clear();
    this.waits.clear();
    this.speedMeter.reset();
    this.lastMove = { at: this.options.environment.now(), bytes: -1 };
    this.update({
      phase: this.transfer.upload ? 'uploading' : 'creating',
      isWaitingForTurn: false,
      error: undefined,
      partProgress: {},
    });
  }

  /** Change the phase when no part is in flight any more. */
  stop(phase: Transfer['phase'], change: Partial<Transfer> = {}): void {
    this.waits.clear();
    this.update({ phase, partProgress: {}, isWaitingForTurn: false, ...change });
  }

  /** Say why a part or a request waits, or with undefined that it waits no more. */
  setWaiting(source: unknown, reason: WaitReason | undefined): void {
    if (this.waits.get(source) === reason) return;
    if (reason) this.waits.set(source, reason);
    else this.waits.delete(source);
    this.update({});
  }

  partProgressed(partNumber: number, bytes: number, size: number): void {
    this.bytesInFlight.set(partNumber, bytes);
    this.waits.clear();
    const partProgress = { ...this.transfer.partProgress, [partNumber]: bytes / size };
    this.transfer = { ...this.transfer, partProgress, waitingFor: undefined };
    const now = this.options.environment.now();
    if (now - this.notifiedAt >= NOTIFY_INTERVAL_MS) this.update({});
  }

  /** Count a part that has arrived; `answer` is the service's, if the part went through it. */
  partCompleted(partNumber: number, answer?: Upload): void {
    const { completedParts } = this.transfer;
    this.bytesInFlight.delete(partNumber);
    this.waits.clear();
    this.update({
      upload: this.newer(answer),
      completedParts: new Set(completedParts).add(partNumber),
      partProgress: this.progressWithout(partNumber),
    });
  }

  /** Take the service's answer to a report of parts that have been counted already. */
  reported(answer: Upload): void {
    this.update({ upload: this.newer(answer) });
  }

  /**
   * Update the speed, and detect a stall. Call this every second, because no event comes while no
   * byte is sent.
   */
  tick(): void {
    if (this.transfer.phase === 'uploading') this.update({});
  }

  partFailed(partNumber: number): void {
    this.bytesInFlight.delete(partNumber);
    this.update({ partProgress: this.progressWithout(partNumber) });
  }

  update(change: Partial<Transfer>): void {
    const waitingFor = [...this.waits.values()].at(-1);
    const next = { ...this.transfer, waitingFor, ...change };
    const now = this.options.environment.now();
    const confirmedBytes = completedBytes(next.completedParts, next.upload);
    const bytesInFlight = [...this.bytesInFlight.values()].reduce((sum, each) => sum + each, 0);
    const bytes = confirmedBytes + bytesInFlight;
    if (next.phase === 'uploading') this.speedMeter.add(now, bytes);
    // An upload that waits for a known reason is not stalled.
    const isWaiting = next.waitingFor !== undefined || next.isWaitingForTurn;
    if (bytes !== this.lastMove.bytes || isWaiting) this.lastMove = { at: now, bytes };
    // When a part is sent again, the bar stands still until the part has caught up. Only when the
    // upload stops does the bar show what has really arrived.
    const isStopped = next.phase === 'paused' || next.phase === 'failed';
    const isMoving = next.phase === 'uploading' && !isWaiting;
    this.transfer = {
      ...next,
      sentBytes: isStopped ? confirmedBytes : Math.max(bytes, this.transfer.sentBytes),
      isStalled: isMoving && now - this.lastMove.at >= STALL_MS,
      speed: isMoving ? this.speedMeter.bytesPerSecond : undefined,
    };
    this.notifiedAt = now;
    this.options.onChange(this.transfer);
  }

  private newer(answer: Upload | undefined): Upload | undefined {
    const { upload } = this.transfer;
    return answer && answer.version >= (upload?.version ?? 0) ? answer : upload;
  }

  private progressWithout(partNumber: number): Transfer['partProgress'] {
    const { [partNumber]: _, ...others } = this.transfer.partProgress;
    return others;
  }
}
