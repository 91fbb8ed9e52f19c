import { useEffect, useState } from 'react';
import { toProblem, type ProblemSummary } from '../../api/errors';
import type { Conversion } from '../../api/types';
import type { AppController } from '../../appController';
import { isTooLong } from './decode';

export interface FetchedResult {
  file?: File;
  problem?: ProblemSummary;
  /** True if the result is not fetched as a whole. A player can still play it bit by bit. */
  isTooLong: boolean;
}

/** Fetch a result, unless it is too long to be decoded at once. */
export function useResultFile(controller: AppController, conversion: Conversion): FetchedResult {
  const { id } = conversion;
  const { filename, media_type: type, size, duration } = conversion.output!;
  const isLong = isTooLong(size, duration);
  const [result, setResult] = useState<Omit<FetchedResult, 'isTooLong'>>({});
  useEffect(() => {
    let isWanted = !isLong;
    if (isWanted) {
      controller.conversionManager.fetchResult(id).then(
        (blob) => isWanted && setResult({ file: new File([blob], filename, { type }) }),
        (error) => isWanted && setResult({ problem: toProblem(error) }),
      );
    }
    return () => void (isWanted = false);
  }, [controller, id, filename, type, isLong]);
  return { ...result, isTooLong: isLong };
}
