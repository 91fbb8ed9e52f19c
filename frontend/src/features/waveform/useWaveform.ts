import { useEffect, useState, type RefObject } from 'react';
import { useDuration } from '../../lib/duration';
import { DecodingError, waveformOf, type DecodingProblem } from './decode';
import type { Waveform } from './waveform';

export interface LoadedSound {
  /** Seconds. Undefined while unknown, 0 if the browser cannot tell. */
  duration: number | undefined;
  waveform?: Waveform;
  problem?: DecodingProblem;
}

/** Decode a file to draw it. */
export function useWaveform(file: File | undefined): LoadedSound {
  const probed = useDuration(file);
  const [result, setResult] = useState<Omit<LoadedSound, 'duration'> & { file?: File }>({});
  useEffect(() => {
    if (!file || probed === undefined) return;
    let isWanted = true;
    waveformOf(file, probed).then(
      (waveform) => isWanted && setResult({ file, waveform }),
      ({ reason }: DecodingError) => isWanted && setResult({ file, problem: reason }),
    );
    return () => void (isWanted = false);
  }, [file, probed]);
  const { waveform, problem } = result.file === file ? result : {};
  return { duration: waveform?.duration ?? probed, waveform, problem };
}

/** Return the width of an element in pixels, also after it has changed. */
export function useWidth(element: RefObject<HTMLElement | null>): number {
  const [width, setWidth] = useState(0);
  useEffect(() => {
    const observer = new ResizeObserver(() => setWidth(element.current?.clientWidth ?? 0));
    observer.observe(element.current!);
    return () => observer.disconnect();
  }, [element]);
  return width;
}

/** Return a URL by which a player can play a file. */
export function useObjectUrl(file: Blob | undefined): string | undefined {
  const [url, setUrl] = useState<string>();
  useEffect(() => {
    if (!file) return;
    const created = URL.createObjectURL(file);
    setUrl(created);
    return () => URL.revokeObjectURL(created);
  }, [file]);
  return url;
}
