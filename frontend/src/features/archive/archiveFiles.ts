import { setArchiveKept } from '../../storage/preferences';

const PREFIX = 'archive-';
/** Age at which archives are deleted. The browser has copied even the largest one by then. */
export const MAX_AGE_MS = 60 * 60 * 1000;

/**
 * Write a stream into a file of this origin's private file system, and return the file.
 *
 * The archive is then on the disk, and memory does not grow with it. A browser without such a file
 * system, or a page without TLS, holds the archive in memory.
 */
export async function saveArchive(
  stream: ReadableStream<Uint8Array<ArrayBuffer>>,
  signal: AbortSignal,
): Promise<Blob> {
  await deleteArchives(MAX_AGE_MS);
  const file = await createFile();
  if (!file) return new Response(stream).blob();
  setArchiveKept(true);
  await stream.pipeTo(await file.createWritable(), { signal });
  return file.getFile();
}

/** Delete the archives that were written some time ago. One that another tab writes stays. */
export async function deleteArchives(minAgeMs = 0): Promise<void> {
  let isOneKept = false;
  try {
    const folder = await navigator.storage.getDirectory();
    for await (const [name, handle] of folder as unknown as AsyncIterable<
      [string, FileSystemFileHandle]
    >) {
      if (!name.startsWith(PREFIX)) continue;
      if (!(await tryToDelete(folder, handle, minAgeMs))) isOneKept = true;
    }
    setArchiveKept(isOneKept);
  } catch {
    // There is no such file system.
  }
}

/** Return true if an archive is gone. It cannot be deleted while it is written. */
async function tryToDelete(
  folder: FileSystemDirectoryHandle,
  handle: FileSystemFileHandle,
  minAgeMs: number,
): Promise<boolean> {
  try {
    if (Date.now() - (await handle.getFile()).lastModified < minAgeMs) return false;
    await folder.removeEntry(handle.name);
    return true;
  } catch {
    return false;
  }
}

async function createFile(): Promise<FileSystemFileHandle | undefined> {
  try {
    const folder = await navigator.storage.getDirectory();
    const file = await folder.getFileHandle(`${PREFIX}${crypto.randomUUID()}.zip`, {
      create: true,
    });
    return 'createWritable' in file ? file : undefined;
  } catch {
    return undefined;
  }
}
