/** Return the fingerprint of a file, or undefined if it cannot be read or computed now. */
export const fingerprintOf = (file: Blob): Promise<string | undefined> =>
  import('./fingerprint').then(({ fingerprint }) => fingerprint(file)).catch(() => undefined);
