/** Bytes that are read at the start and at the end. Reading a whole file would take minutes. */
const SAMPLE_SIZE = 64 * 1024;

/**
 * Return a short string that tells a file from others of the same name and size.
 *
 * This is cyrb53 by bryc (public domain), a hash of 53 bits. A cryptographic hash is not needed,
 * and browsers offer crypto.subtle only over TLS.
 */
export async function fingerprint(file: Blob): Promise<string> {
  const tail = Math.max(SAMPLE_SIZE, file.size - SAMPLE_SIZE);
  const samples = [file.slice(0, SAMPLE_SIZE), file.slice(tail)];
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
