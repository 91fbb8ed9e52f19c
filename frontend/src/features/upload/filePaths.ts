/** Paths of files from dropped folders. The browser leaves `webkitRelativePath` empty for them. */
const paths = new WeakMap<File, string>();

export const rememberPath = (file: File, path: string) => paths.set(file, path.replace(/^\//, ''));

/** Return the path inside of the dropped or chosen folder, or undefined if there was no folder. */
export function pathOf(file: File): string | undefined {
  const path = paths.get(file) || file.webkitRelativePath;
  return path && path !== file.name ? path : undefined;
}

const { compare } = new Intl.Collator(undefined, { numeric: true, sensitivity: 'base' });

/** Return the files as people count: "2 Song" before "10 Song", folder by folder. */
export function inNaturalOrder(files: File[]): File[] {
  return files.toSorted((a, b) => compare(pathOf(a) ?? a.name, pathOf(b) ?? b.name));
}
