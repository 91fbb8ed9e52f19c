import { acquireWebLock } from '../storage/locks';
import { SHARED_CACHE } from './sharedCache';

/** Begins the last segment of a copy's address. A name like `..` alone would remove another one. */
const NAME = 'name=';

/** Path to which the system sends the files that someone shares with the installed page. */
export const SHARE_PATH = '/share';
/** Field of the form in which they are, as in manifest.webmanifest. */
export const SHARE_FIELD = 'files';
/**
 * Key of the number of files that were left out. The address of the page does not contain it,
 * because any site can link to that.
 */
const LEFT_OUT = `${SHARE_PATH}/left-out`;
/** Address of the page that takes them over. */
export const SHARED_PAGE = '/?shared';

/** Shared files that wait for the page at one time. A page of another site may have sent them. */
export const MAX_SHARED_FILES = 50;
/** Size of all of them, in GiB: that of the largest file that the services take by default. */
export const MAX_SHARED_GIB = 5;

/**
 * Keep shared files until a page has taken them over.
 *
 * Return how many are left out, because they exceed the limits or the room of this browser, and
 * keep that number for the page. The lock counts shares at the same time one after the other.
 */
export async function keepShared(files: File[]): Promise<number> {
  const unlock = await acquireWebLock('sharing', true);
  try {
    const cache = await caches.open(SHARED_CACHE);
    const sizes = (await keysOfFiles(cache)).map(({ url }) => Number(url.split('/').at(-2)));
    let room = MAX_SHARED_GIB * 1024 ** 3 - sizes.reduce((sum, size) => sum + size, 0);
    let places = MAX_SHARED_FILES - sizes.length;
    const fitting = files.filter(({ size }) => {
      if (places <= 0 || size > room) return false;
      places -= 1;
      room -= size;
      return true;
    });
    const folder = `${SHARE_PATH}/${Date.now()}`;
    const results = await Promise.allSettled(
      fitting.map((file, i) =>
        cache.put(
          `${folder}/${i}/${file.size}/${NAME}${encodeURIComponent(file.name)}`,
          new Response(file),
        ),
      ),
    );
    const leftOut = files.length - results.filter(({ status }) => status === 'fulfilled').length;
    if (leftOut) await cache.put(LEFT_OUT, new Response(`${leftOut}`)).catch(() => undefined);
    return leftOut;
  } finally {
    unlock?.();
  }
}

const keysOfFiles = async (cache: Cache) =>
  (await cache.keys()).filter(({ url }) => !url.endsWith(LEFT_OUT));

/** Return how many files were left out since the last call. */
export async function takeLeftOut(): Promise<number> {
  const cache = await caches.open(SHARED_CACHE);
  const kept = await cache.match(LEFT_OUT);
  await cache.delete(LEFT_OUT);
  return Number((await kept?.text()) ?? 0);
}

export interface SharedFile {
  name: string;
  /** Reads the copy. Nothing is read before the user has agreed. */
  load: () => Promise<File>;
  deleteCopy: () => Promise<unknown>;
}

/** Return the shared files that no page has taken over, in the order in which they were sent. */
export async function listShared(): Promise<SharedFile[]> {
  const cache = await caches.open(SHARED_CACHE);
  return (await keysOfFiles(cache)).map((request) => {
    const segment = request.url.slice(request.url.lastIndexOf('/') + 1);
    const name = decodeURIComponent(segment.replace(NAME, ''));
    const load = async () => {
      const blob = await (await cache.match(request))!.blob();
      return new File([blob], name, { type: blob.type });
    };
    return { name, load, deleteCopy: () => cache.delete(request) };
  });
}
