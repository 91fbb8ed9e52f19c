import { useEffect, useState } from 'react';

/** Durations that the browser has found, in seconds. */
const known = new WeakMap<File, number>();
let lastProbe: Promise<unknown> = Promise.resolve();

/**
 * Return the duration of a file in seconds: undefined while it is unknown, 0 if the browser cannot
 * tell.
 */
export function useDuration(file: File | undefined): number | undefined {
  const [, setProbed] = useState(0);
  useEffect(() => {
    if (!file || known.has(file)) return;
    // One file after the other, so that an album does not load fifty players at once.
    lastProbe = lastProbe.then(() => probe(file)).then(() => setProbed((count) => count + 1));
  }, [file]);
  return file && known.get(file);
}

function probe(file: File): Promise<void> {
  return new Promise((resolve) => {
    const url = URL.createObjectURL?.(file);
    if (!url) return resolve();
    const player = new Audio();
    const finish = () => {
      known.set(file, Number.isFinite(player.duration) ? player.duration : 0);
      player.removeAttribute('src');
      URL.revokeObjectURL(url);
      resolve();
    };
    player.onloadedmetadata = player.onerror = finish;
    player.preload = 'metadata';
    player.src = url;
  });
}
