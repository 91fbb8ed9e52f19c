/** Head and tail of a file tell it apart from another of the same name and size; reading all of it would take minutes. */
const SAMPLE = 64 * 1024;

/**
 * Not a cryptographic hash on purpose: nobody is kept out by it, and browsers offer crypto.subtle only over TLS.
 * cyrb53 by bryc (public domain): 53 bits, far more than needed for one person's files.
 */
export async function fingerprint(file: Blob): Promise<string> {
  const samples = [file.slice(0, SAMPLE), file.slice(Math.max(SAMPLE, file.size - SAMPLE))];
  let h1 = 0xdeadbeef;
  let h2 = 0x41c6ce57;
  for (const sample of samples) {
    for (const byte of new Uint8Array(await sample.arrayBuffer())) {
      h1 = Math.imul(h1 ^ byte, 2654435761);
      h2 = Math.imul(h2 ^ byte, 1597334677);
    }
  }
  h1 = Math.imul(h1 ^ (h1 >>> 16), 2246822507) ^ Math.imul(h2 ^ (h2 >>> 13), 3266489909);
  h2 = Math.imul(h2 ^ (h2 >>> 16), 2246822507) ^ Math.imul(h1 ^ (h1 >>> 13), 3266489909);
  return `${file.size}-${((h2 >>> 0) * 4294967296 + (h1 >>> 0)).toString(36)}`;
}
