/** Path to which the system sends the files that someone shares with the installed page. */
export const SHARE_PATH = '/share';
/** Field of the form in which they are, as in manifest.webmanifest. */
export const SHARE_FIELD = 'files';
/** Address of the page that takes them over. */
export const SHARED_PAGE = '/?shared';

const CACHE = 'tinypixo-shared';

/** Keep shared files until a page has taken them over. */
export async function keepShared(files: File[]): Promise<void> {
  const cache = await caches.open(CACHE);
  const folder = `${SHARE_PATH}/${Date.now()}`;
  await Promise.all(
    files.map((file, i) =>
      cache.put(`${folder}/${i}/${encodeURIComponent(file.name)}`, new Response(file)),
    ),
  );
}

/** Return the shared files that no page has taken over, in the order in which they were sent. */
export async function loadShared(): Promise<File[]> {
  const cache = await caches.open(CACHE);
  return Promise.all(
    (await cache.keys()).map(async (request) => {
      const blob = await (await cache.match(request))!.blob();
      const name = decodeURIComponent(request.url.slice(request.url.lastIndexOf('/') + 1));
      return new File([blob], name, { type: blob.type });
    }),
  );
}

/** Delete the shared files, after the page has stored them itself. */
export const deleteShared = () => caches.delete(CACHE);
