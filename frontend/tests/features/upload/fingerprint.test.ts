import { describe, expect, it } from 'vitest';
import { fingerprint } from '../../../src/features/upload/fingerprint';

function fileWith(change?: [at: number, value: number]): Blob {
  const bytes = new Uint8Array(300_000);
  if (change) bytes[change[0]] = change[1];
  return new Blob([bytes]);
}

describe('the fingerprint', () => {
  it('is equal for equal files, and differs in head, tail or length', async () => {
    const original = await fingerprint(fileWith());
    expect(await fingerprint(fileWith())).toBe(original);
    expect(await fingerprint(fileWith([5, 1]))).not.toBe(original);
    expect(await fingerprint(fileWith([299_999, 1]))).not.toBe(original);
    expect(await fingerprint(new Blob([new Uint8Array(300_001)]))).not.toBe(original);
  });
});
