import { makeZip } from 'client-zip';

export interface ArchiveEntry {
  path: string;
  lastModified: Date;
  /** Open the content at a position. */
  open: (position: number) => Promise<{ size: number; body: ReadableStream<Uint8Array> }>;
}

export interface PackOptions {
  signal: AbortSignal;
  /** Called before each file with the number of those that are packed. */
  onPacked: (packed: number) => void;
  /** Wait before a broken download goes on. Rejects when `signal` is aborted. */
  pause: () => Promise<void>;
}

/** Pack files into a ZIP archive, one after the other, while the archive is read. */
export function pack(entries: ArchiveEntry[], options: PackOptions) {
  async function* inputs() {
    for (const [packed, entry] of entries.entries()) {
      options.onPacked(packed);
      const { path, lastModified } = entry;
      yield { name: path, input: bytesOf(entry, options), lastModified };
    }
  }
  return makeZip(inputs()) as ReadableStream<Uint8Array<ArrayBuffer>>;
}

/** Yield the bytes of a file. After a lost connection it goes on where it was. */
async function* bytesOf({ open }: ArchiveEntry, { signal, pause }: PackOptions) {
  for (let position = 0; ; await pause()) {
    const { size, body } = await open(position);
    const reader = body.getReader();
    try {
      for (let read = await reader.read(); !read.done; read = await reader.read()) {
        position += read.value.length;
        yield read.value;
      }
    } catch (error) {
      if (signal.aborted) throw error;
    } finally {
      void reader.cancel().catch(() => undefined);
    }
    if (position >= size) return;
  }
}
