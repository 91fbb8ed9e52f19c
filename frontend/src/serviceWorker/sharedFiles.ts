import { SHARED_CACHE } from './sharedCache';

/** Path to which the system sends the files that someone shares with the installed page. */
export const SHARE_PATH = '/share';
/** Field of the form in which they are, as in manifest.webmanifest. */
export const SHARE_FIELD = 'files';
/** Address of the page that takes them over. */
export const SHARED_PAGE = '/?shared';

/** Keep shared files until a page has taken them over. */
export async function keepShared(files: File[]): Promise<void> {
  const cache = await caches.open(SHARED_CACHE);
  const folder = `${SHARE_PATH}/${Date.now()}`;
  await Promise.all(
    files.map((file, i) =>
      cache.put(`${folder}/${i}/${encodeURIComponent(file.name)}`, new Response(file)),
    ),
  );
}

export interface SharedFile {
  file: File;
  /** Deletes the copy, after the page has stored the file itself. */
  deleteCopy: () => Promise<unknown>;
}

/**
 * Return the shared files that no page has taken over, in the order in which they were sent.
 *
 * One that cannot be read now is left out, and stays for the next time.
 */
export async function loadShared(): Promise<SharedFile[]> {
  const cache = await caches.open(SHARED_CACHE);
  const load = async (request: Request): Promise<SharedFile> => {
    const blob = await (await cache.match(request))!.blob();
    const name = decodeURIComponent(request.url.slice(request.url.lastIndexOf('/') + 1));
    const file = new File([blob], name, { type: blob.type });
    return { file, deleteCopy: () => cache.delete(request) };
  };
  const results = await Promise.allSettled((await cache.keys()).map(load));
  return results.flatMap((each) => (each.status === 'fulfilled' ? each.value : []));
}
