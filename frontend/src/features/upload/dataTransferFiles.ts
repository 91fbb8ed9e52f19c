import { rememberPath } from './filePaths';

/** Return the dropped files, including those inside of dropped folders. */
export async function filesFromDataTransfer(dataTransfer: DataTransfer): Promise<File[]> {
  // All entries must be read before the first await: the browser empties the list after the event.
  const entries = [...dataTransfer.items]
    .filter((item) => item.kind === 'file')
    .map((item) => item.webkitGetAsEntry?.() ?? item.getAsFile());
  const files = await Promise.all(
    entries.map((entry) => (entry instanceof File ? [entry] : entry ? filesFromEntry(entry) : [])),
  );
  return files.flat();
}

/** Return the file, or all files of the folder except hidden ones. Skip what cannot be read. */
async function filesFromEntry(entry: FileSystemEntry): Promise<File[]> {
  if (entry.isFile) {
    return new Promise((resolve) =>
      (entry as FileSystemFileEntry).file(
        (file) => {
          rememberPath(file, entry.fullPath);
          resolve([file]);
        },
        () => resolve([]),
      ),
    );
  }
  const reader = (entry as FileSystemDirectoryEntry).createReader();
  const files: File[] = [];
  for (;;) {
    // A reader returns a folder in several batches, and an empty batch at the end.
    const batch = await new Promise<FileSystemEntry[]>((resolve) =>
      reader.readEntries(resolve, () => resolve([])),
    );
    if (batch.length === 0) return files;
    for (const child of batch) {
      if (!child.name.startsWith('.')) files.push(...(await filesFromEntry(child)));
    }
  }
}
